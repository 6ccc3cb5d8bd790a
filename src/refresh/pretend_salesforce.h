#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "net/transport.h"
#include "refresh/coalescer.h"
#include "salesforce/identity.h"

namespace latchkey::test {

/// How the next request to the token endpoint goes, where it does not simply go well.
struct Turn {
    bool processed = true;                     ///< false: the request is lost on its way
    std::optional<Error> error;                ///< instead of an answer
    std::optional<HttpResponse> reply;         ///< instead of the usual answer
    std::function<void(std::string&)> change;  ///< upon the usual answer's JSON
    std::shared_ptr<Event> hold;               ///< the answer waits for this
    bool whole = true;
};

/// A transport at whose other end is a small Salesforce: it issues, rotates, spends and introspects
/// refresh tokens, revokes a grant on reuse, and keeps a ledger. For one loop.
class PretendSalesforce final : public Transport {
public:
    PretendSalesforce(boost::asio::io_context& loop, Clock& clock) : loop_(loop), clock_(clock) {}

    enum class Asking { truth, refused, no_answer };

    bool rotation = true;
    Asking asking = Asking::truth;
    std::optional<Error> unreachable;
    std::deque<Turn> turns;
    std::optional<HttpResponse> to_all;          ///< instead of processing any token request
    std::optional<std::chrono::hours> idle_end;  ///< a refresh token that is not used for so long
    std::map<std::string, std::shared_ptr<Event>> slow_orgs;  ///< answers about these wait for it
    bool own_identities = false;  ///< each grant names the org and user it was consented to
    std::string instance_url = "https://acme.my.salesforce.com";
    std::string org = salesforce::id18("00D000000000001").value();
    std::string user = salesforce::id18("005000000000001").value();

    // The ledger.
    int dials = 0;
    int token_requests = 0;  ///< that arrived
    int refreshes = 0;       ///< that were processed
    int reuses = 0;
    int most_in_flight = 0;  ///< of one refresh token
    int introspections = 0;
    std::vector<Origin> dialled;
    std::vector<std::string> methods;
    std::vector<SteadyTime> asked_at;  ///< of each token request

    /// A new grant's refresh token.
    std::string consent() {
        const auto grant = ++grants_;
        identities_[grant] = identity();
        return issue(grant);
    }
    bool alive(const std::string& refresh_token) const {
        const auto found = tokens_.find(refresh_token);
        return found != tokens_.end() && found->second.alive;
    }
    void revoke_all() {
        for (auto& [text, token] : tokens_) token.alive = false;
    }
    /// As when a later approval pushes out this one, counted from 1.
    void revoke(int grant) {
        std::erase_if(tokens_, [&](const auto& token) { return token.second.grant == grant; });
    }
    std::string identity() const { return "https://login.salesforce.com/id/" + org + "/" + user; }

    Task<std::unique_ptr<Line>> dial(Origin to, Deadline) override {
        ++dials;
        dialled.push_back(to);
        co_await turn_of_loop();
        if (unreachable) co_return *unreachable;
        std::unique_ptr<Line> line = std::make_unique<PretendLine>(*this);
        co_return line;
    }

    Task<HttpResponse> send(Origin to, HttpRequest request, Deadline by) override {
        auto line = co_await dial(to, by);
        if (!line) co_return line.error();
        auto answer = co_await (*line)->send_once(std::move(request), by.at, by);
        co_return answer;
    }

private:
    struct Token {
        int grant = 0;
        bool alive = true;
        int in_flight = 0;
        WallTime issued{};
    };

    class PretendLine final : public Line {
    public:
        explicit PretendLine(PretendSalesforce& other_end) : other_end_(other_end) {}
        Task<HttpResponse> send_once(HttpRequest request, SteadyTime send_before,
                                     Deadline by) override {
            return other_end_.serve(std::move(request), send_before, by);
        }

    private:
        PretendSalesforce& other_end_;
    };

    Async<void> turn_of_loop() {
        auto now = std::make_shared<Event>(loop_);
        boost::asio::post(loop_, [now] { now->set(); });
        co_await now->wait();
    }

    Task<HttpResponse> serve(HttpRequest request, SteadyTime send_before, Deadline by) {
        if (clock_.steady() >= send_before)
            co_return Error{Fault::try_later, "not_sent", "Too late. Nothing was sent."};
        methods.push_back(request.method + " " + request.target);
        co_await turn_of_loop();
        const auto form = parse_form(request.body).value_or(FormFields{});
        if (request.target.ends_with("/introspect")) co_return introspect(form);

        ++token_requests;
        asked_at.push_back(clock_.steady());
        Turn turn;
        if (to_all) {
            turn.processed = false;
            turn.reply = to_all;
        } else if (!turns.empty()) {
            turn = std::move(turns.front());
            turns.pop_front();
        }
        const auto presented = only(form, "refresh_token").value_or("");
        const auto known = tokens_.find(presented);
        HttpResponse answer = refused();
        if (turn.processed) {
            if (known != tokens_.end())
                most_in_flight = std::max(most_in_flight, ++known->second.in_flight);
            answer = refresh(presented);
        }
        if (known != tokens_.end())
            if (auto slow = slowness_of(known->second.grant)) turn.hold = std::move(slow);
        if (turn.hold) {
            const bool came = co_await wait_for(turn.hold, clock_, by.at);
            if (!came)
                turn.error = Error{Fault::outcome_unknown, "answer_lost", "No answer. Wait."};
        }
        if (turn.processed && known != tokens_.end()) --known->second.in_flight;
        if (turn.error) co_return *turn.error;
        if (turn.reply) co_return *turn.reply;
        if (turn.change) turn.change(answer.body);
        answer.whole = turn.whole;
        co_return answer;
    }

    std::shared_ptr<Event> slowness_of(int grant) {
        for (const auto& [slow, over] : slow_orgs)
            if (identities_[grant].find("/id/" + slow + "/") != std::string::npos) return over;
        return nullptr;
    }

    HttpResponse refresh(const std::string& presented) {
        const auto found = tokens_.find(presented);
        if (found == tokens_.end()) return refused();
        if (idle_end && clock_.wall() - found->second.issued >= *idle_end) return refused();
        if (!found->second.alive) {
            ++reuses;
            for (auto& [text, token] : tokens_)
                if (token.grant == found->second.grant) token.alive = false;
            return refused();
        }
        ++refreshes;
        std::string rotated;
        if (rotation) {
            found->second.alive = false;
            rotated = "\"refresh_token\":\"" + issue(found->second.grant) + "\",";
        }
        const auto access = "00Daccess." + std::to_string(++issued_);
        return json(200, "{" + rotated + "\"access_token\":\"" + access +
                             "\",\"token_type\":\"Bearer\",\"instance_url\":\"" + instance_url +
                             "\",\"id\":\"" +
                             (own_identities ? identities_[found->second.grant] : identity()) +
                             "\",\"issued_at\":\"1763900000000\"}");
    }

    HttpResponse introspect(const FormFields& form) {
        ++introspections;
        if (asking == Asking::refused) return json(401, "{\"error\":\"invalid_client\"}");
        if (asking == Asking::no_answer) return json(503, "{}");
        const bool live = alive(only(form, "token").value_or(""));
        return json(200, live ? "{\"active\":true}" : "{\"active\":false}");
    }

    std::string issue(int grant) {
        const auto text = "5Aeprefresh." + std::to_string(++issued_);
        tokens_[text] = Token{grant, true, 0, clock_.wall()};
        return text;
    }

    static HttpResponse refused() {
        return json(400,
                    "{\"error\":\"invalid_grant\","
                    "\"error_description\":\"expired access/refresh token\"}");
    }

    static HttpResponse json(int status, std::string body) {
        Headers headers;
        headers.add("Content-Type", "application/json");
        return HttpResponse{status, headers, std::move(body)};
    }

    boost::asio::io_context& loop_;
    Clock& clock_;
    std::map<std::string, Token> tokens_;
    std::map<int, std::string> identities_;
    int grants_ = 0;
    int issued_ = 0;
};

/// An answer that is not JSON of the usual kind.
inline HttpResponse plain(int status, std::string body, Headers headers = {}) {
    return HttpResponse{status, std::move(headers), std::move(body)};
}

inline Turn answered(HttpResponse reply, bool processed = false) {
    Turn turn;
    turn.processed = processed;
    turn.reply = std::move(reply);
    return turn;
}

inline Turn refused_with(int status, const std::string& error, const std::string& description) {
    return answered(plain(
        status, "{\"error\":\"" + error + "\",\"error_description\":\"" + description + "\"}"));
}

/// The connection breaks; whether the request was processed is what nobody can see from outside.
inline Turn lost(bool processed) {
    Turn turn;
    turn.processed = processed;
    turn.error = Error{Fault::outcome_unknown, "answer_lost", "The connection broke. Find out."};
    return turn;
}

inline Turn changed(std::function<void(std::string&)> how) {
    Turn turn;
    turn.change = std::move(how);
    return turn;
}

/// Puts `with` in the place of `what`, which must be there.
inline void put(std::string& body, const std::string& what, const std::string& with) {
    const auto at = body.find(what);
    if (at == std::string::npos) throw std::logic_error("not in the answer: " + what);
    body.replace(at, what.size(), with);
}

}  // namespace latchkey::test
