#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "base/stops.h"
#include "emulator/emulator.h"
#include "emulator/ledger.h"
#include "net/transport.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/parcel.h"
#include "tests/simulation/plan.h"

namespace latchkey::simulation {

inline constexpr const char* salesforce_url = "http://127.0.0.1:8788";

/// The emulator at the other end of a network that loses, delays, cuts and refuses. The emulator
/// and its ledger are the judge; what became of each answer is noted beside it.
class Salesforce {
public:
    Salesforce(Agenda& agenda, Dice dice, const Plan& plan);

    struct Tokens {
        std::string grant;  ///< the emulator's number of it
        std::string access;
        std::string refresh;
        std::string org_id;
        std::string user_id;
    };
    /// What a user's consent brings.
    Tokens consent();
    /// The user withdraws the newest refresh token of this chain, at Salesforce.
    void withdraw(const std::string& refresh_token);
    void switch_rotation();
    /// No fault from now on.
    void calm() { calm_ = true; }

    /// What became of the answer that brought a refresh token.
    struct Issue {
        std::string next;  ///< the refresh token that it brought
        int node = -1;     ///< who was to get it, and which start of it
        int boot = 0;
        bool delivered = false;  ///< whole, to a socket that was still open
    };
    /// Nullptr if the token has not been rotated.
    const Issue* issued_for(const std::string& refresh_token) const;
    /// The end of the chain that begins with `refresh_token`.
    const std::string& newest(const std::string& refresh_token) const;
    bool alive(const std::string& token);

    const emulator::Ledger& ledger() const { return emulator_->ledger(); }

    /// One request of a start of a node. `deadline` is when it closes its socket.
    void serve(int node, int boot, HttpRequest request, Deadline deadline,
               std::weak_ptr<Parcel<Result<HttpResponse>>> to);
    bool refuses_dial() { return !calm_ && dice_.permille(plan_.unreachable); }
    milliseconds way();

    boost::asio::io_context loop;
    bool ready = false;

private:
    struct Trip;
    Reply handle_now(std::string method, std::string path, std::string body, bool form);
    static Async<void> answer(Salesforce* self, std::shared_ptr<Trip> trip);
    Trip draw(const HttpRequest& request);
    void note(const Trip& trip, const Reply& reply);

    Agenda& agenda_;
    Dice dice_;
    const Plan& plan_;
    Seat seat_;
    std::chrono::seconds skew_{0};
    SeatClock clock_;
    NoLog log_;
    std::unique_ptr<emulator::Emulator> emulator_;
    bool calm_ = false;
    bool rotation_;
    std::map<std::string, Issue> issues_;  ///< by the token that was presented
};

/// A start of a node at the network's door.
class SimulatedNetwork final : public Transport {
public:
    SimulatedNetwork(Salesforce& salesforce, Seat& seat, SeatClock& clock, Stops& stops, int node,
                     int boot)
        : salesforce_(salesforce),
          seat_(seat),
          clock_(clock),
          stops_(stops),
          node_(node),
          boot_(boot) {}

    Task<std::unique_ptr<Line>> dial(Origin to, Deadline by) override;
    Task<HttpResponse> send(Origin to, HttpRequest request, Deadline by) override;

private:
    class SimulatedLine;
    Task<HttpResponse> post(HttpRequest request, SteadyTime send_before, Deadline by);

    Salesforce& salesforce_;
    Seat& seat_;
    SeatClock& clock_;
    Stops& stops_;
    int node_;
    int boot_;
};

}  // namespace latchkey::simulation
