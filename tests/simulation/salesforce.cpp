#include "tests/simulation/salesforce.h"

#include <exception>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/text.h"

namespace latchkey::simulation {
namespace {

using namespace std::chrono_literals;

constexpr const char* token_path = "/services/oauth2/token";
/// A request that is on its way for longer would break the assumption that the quiet period rests
/// on: nothing that Salesforce has not processed by then will be.
constexpr milliseconds late_most = 50s;

Error answer_lost() {
    return {Fault::outcome_unknown, "answer_lost", "The connection broke before the answer."};
}

/// The text member `name` of a flat JSON object; empty if it has none.
std::string member(const std::string& body, std::string_view name) {
    boost::system::error_code bad;
    const auto value = boost::json::parse(body, bad);
    if (bad || !value.is_object()) return {};
    const auto* found = value.get_object().if_contains(name);
    if (found == nullptr || !found->is_string()) return {};
    return std::string{found->get_string()};
}

std::string refresh_token_of(const HttpRequest& request) {
    if (request.target != token_path) return {};
    const auto form = parse_form(request.body);
    return form ? only(*form, "refresh_token").value_or("") : std::string{};
}

ServedRequest served(HttpRequest request) {
    ServedRequest out;
    out.method = std::move(request.method);
    out.target = request.target;
    out.path = std::move(request.target);
    out.headers = std::move(request.headers);
    out.headers.add("Host", "127.0.0.1:8788");
    out.body = std::move(request.body);
    out.peer = "127.0.0.1";
    return out;
}

emulator::Options options_of(const Plan& plan) {
    emulator::Options options;
    options.seed = plan.seed;
    options.rotation = plan.rotation;
    return options;
}

}  // namespace

/// One request and what the network does to it.
struct Salesforce::Trip {
    enum class Answer { whole, lost, cut, error, strange };
    int node = 0;
    int boot = 0;
    HttpRequest request;
    std::string presented;  ///< the refresh token, of a refresh
    std::weak_ptr<Parcel<Result<HttpResponse>>> to;
    Deadline deadline{SteadyTime{}};
    bool arrives = true;
    bool refused_at_once = false;  ///< 503 instead of the work
    bool silent = false;           ///< what is lost leaves no trace, not even a reset
    Answer answer = Answer::whole;
    milliseconds out{0};
    milliseconds back{0};
    std::uint64_t chance = 0;
};

Salesforce::Salesforce(Agenda& agenda, Dice dice, const Plan& plan)
    : agenda_(agenda),
      dice_(dice),
      plan_(plan),
      seat_{agenda, loop, ready},
      clock_(seat_, skew_),
      emulator_(std::make_unique<emulator::Emulator>(loop, options_of(plan), clock_, log_)),
      rotation_(plan.rotation) {
    const std::string dies = plan.old_access_dies ? "dies" : "survives";
    handle_now("POST", "/__emulator/clients",
               R"({"client_id":"latchkey-demo","max_approvals":100000,"rtr_old_access_token":")" +
                   dies + R"(","refresh_latency":)" + std::to_string(plan.refresh_latency_ms) + "}",
               false);
}

Reply Salesforce::handle_now(std::string method, std::string path, std::string body, bool form) {
    HttpRequest request{std::move(method), std::move(path)};
    request.body = std::move(body);
    if (form) request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    std::optional<Reply> reply;
    boost::asio::co_spawn(loop, emulator_->handle(served(std::move(request))),
                          [&](std::exception_ptr, Reply made) { reply = std::move(made); });
    loop.restart();
    while (!reply && loop.poll() != 0) loop.restart();
    return std::move(reply).value();
}

Salesforce::Tokens Salesforce::consent() {
    const auto reply = handle_now("POST", "/__emulator/grants",
                                  R"({"client_id":"latchkey-demo","count":1})", false);
    const auto made = boost::json::parse(reply.body).at("grants").at(0);
    const auto& answer = made.at("answer").as_object();
    Tokens tokens;
    tokens.grant = std::string{made.at("grant").as_string()};
    tokens.access = std::string{answer.at("access_token").as_string()};
    tokens.refresh = std::string{answer.at("refresh_token").as_string()};
    const std::string id{answer.at("id").as_string()};
    const auto user = id.rfind('/');
    const auto org = id.rfind('/', user - 1);
    tokens.user_id = id.substr(user + 1);
    tokens.org_id = id.substr(org + 1, user - org - 1);
    return tokens;
}

void Salesforce::withdraw(const std::string& refresh_token) {
    const FormFields form{{"token", newest(refresh_token)}};
    handle_now("POST", "/services/oauth2/revoke", print_form(form), true);
}

void Salesforce::switch_rotation() {
    rotation_ = !rotation_;
    handle_now("POST", "/__emulator/clients",
               std::string{R"({"client_id":"latchkey-demo","rotation":)"} +
                   (rotation_ ? "true}" : "false}"),
               false);
}

const Salesforce::Issue* Salesforce::issued_for(const std::string& refresh_token) const {
    const auto found = issues_.find(refresh_token);
    return found == issues_.end() ? nullptr : &found->second;
}

const std::string& Salesforce::newest(const std::string& refresh_token) const {
    const std::string* last = &refresh_token;
    for (auto found = issues_.find(*last); found != issues_.end(); found = issues_.find(*last))
        last = &found->second.next;
    return *last;
}

bool Salesforce::alive(const std::string& token) {
    const FormFields form{{"token", token},
                          {"client_id", "latchkey-demo"},
                          {"client_secret", "latchkey-demo-secret"}};
    const auto reply = handle_now("POST", "/services/oauth2/introspect", print_form(form), true);
    return reply.body.find("\"active\":true") != std::string::npos;
}

milliseconds Salesforce::way() {
    return calm_ ? 5ms : dice_.between(1ms, plan_.net_most);
}

Salesforce::Trip Salesforce::draw(const HttpRequest& request) {
    Trip trip;
    trip.presented = refresh_token_of(request);
    trip.out = way();
    trip.back = way();
    trip.chance = dice_.roll();
    if (calm_) return trip;
    const auto& p = plan_;
    trip.silent = dice_.permille(p.silence);
    trip.arrives = !dice_.permille(p.request_lost);
    if (dice_.permille(p.request_late)) trip.out += dice_.between(1s, late_most - trip.out);
    if (dice_.permille(p.answer_late)) trip.back += dice_.between(1s, 90s);
    if (dice_.permille(p.server_error)) {
        trip.refused_at_once = dice_.one_in(2);
        trip.answer = Trip::Answer::error;
    }
    if (dice_.permille(p.strange_answer)) trip.answer = Trip::Answer::strange;
    if (dice_.permille(p.answer_cut)) trip.answer = Trip::Answer::cut;
    if (dice_.permille(p.answer_lost)) trip.answer = Trip::Answer::lost;
    return trip;
}

void Salesforce::serve(int node, int boot, HttpRequest request, Deadline deadline,
                       std::weak_ptr<Parcel<Result<HttpResponse>>> to) {
    const auto trip = std::make_shared<Trip>(draw(request));
    trip->node = node;
    trip->boot = boot;
    trip->request = std::move(request);
    trip->to = std::move(to);
    trip->deadline = deadline;
    agenda_.at(deadline.at, [waiting = trip->to] {
        if (const auto socket = waiting.lock()) socket->deliver(answer_lost());
    });
    agenda_.in(trip->out, [this, trip] {
        if (!trip->arrives) {
            Result<HttpResponse> lost = answer_lost();
            if (!trip->silent) deliver_in(agenda_, trip->back, trip->to, std::move(lost));
            return;
        }
        if (trip->refused_at_once) {
            Result<HttpResponse> refused = HttpResponse{503, {}, "Service Unavailable"};
            deliver_in(agenda_, trip->back, trip->to, std::move(refused));
            return;
        }
        boost::asio::co_spawn(loop, answer(this, trip), [](std::exception_ptr failed) {
            if (failed) std::rethrow_exception(failed);
        });
        ready = true;
    });
}

void Salesforce::note(const Trip& trip, const Reply& reply) {
    if (trip.presented.empty() || reply.status != 200) return;
    auto next = member(reply.body, "refresh_token");
    if (next.empty() || next == trip.presented) return;
    issues_[trip.presented] = Issue{std::move(next), trip.node, trip.boot, false};
}

Async<void> Salesforce::answer(Salesforce* self, std::shared_ptr<Trip> trip) {
    auto reply = co_await self->emulator_->handle(served(trip->request));
    self->note(*trip, reply);
    auto response = std::make_shared<HttpResponse>(reply.status, reply.headers, reply.body);
    const auto kind = trip->answer;
    if (kind == Trip::Answer::error) *response = HttpResponse{503, {}, "Service Unavailable"};
    if (kind == Trip::Answer::strange)
        *response = HttpResponse{trip->chance % 2 == 0 ? 200 : 302, {}, "<html>Log in</html>"};
    if (kind == Trip::Answer::cut) {
        response->whole = false;
        response->body.resize(trip->chance % (response->body.size() + 1));
    }
    const auto sent = reply.sent;
    self->agenda_.in(trip->back, [self, trip, response, sent] {
        const bool lost = trip->answer == Trip::Answer::lost;
        const auto socket = trip->to.lock();
        const bool whole = socket && trip->answer == Trip::Answer::whole &&
                           self->agenda_.now() < trip->deadline.at;
        if (sent) sent(whole);
        const auto issue = self->issues_.find(trip->presented);
        if (issue != self->issues_.end() && whole) issue->second.delivered = true;
        if (!socket || (lost && trip->silent)) return;
        if (lost) {
            socket->deliver(answer_lost());
        } else {
            socket->deliver(std::move(*response));
        }
    });
}

class SimulatedNetwork::SimulatedLine final : public Line {
public:
    explicit SimulatedLine(SimulatedNetwork& network) : network_(network) {}
    Task<HttpResponse> send_once(HttpRequest request, SteadyTime send_before,
                                 Deadline by) override {
        return network_.post(std::move(request), send_before, by);
    }

private:
    SimulatedNetwork& network_;
};

Task<std::unique_ptr<Line>> SimulatedNetwork::dial(Origin, Deadline by) {
    const bool refused = salesforce_.refuses_dial();
    co_await clock_.sleep_until(std::min(by.at, clock_.steady() + 2 * salesforce_.way()));
    if (refused) co_return Error{Fault::try_later, "upstream_unreachable", "Nobody answers there."};
    std::unique_ptr<Line> line = std::make_unique<SimulatedLine>(*this);
    co_return line;
}

Task<HttpResponse> SimulatedNetwork::send(Origin to, HttpRequest request, Deadline by) {
    auto line = co_await dial(to, by);
    if (!line) co_return line.error();
    auto answer = co_await post(std::move(request), by.at, by);
    co_return answer;
}

Task<HttpResponse> SimulatedNetwork::post(HttpRequest request, SteadyTime send_before,
                                          Deadline by) {
    if (clock_.steady() >= send_before)
        co_return Error{Fault::try_later, "not_sent", "Too late. Nothing was sent."};
    const bool token = request.target == token_path;
    if (token) stops_.reached("CP8");
    const auto socket = std::make_shared<Parcel<Result<HttpResponse>>>(seat_);
    salesforce_.serve(node_, boot_, std::move(request), by, socket);
    if (token) stops_.reached("CP9");
    auto answer = co_await socket->wait();
    co_return std::move(answer).value();
}

}  // namespace latchkey::simulation
