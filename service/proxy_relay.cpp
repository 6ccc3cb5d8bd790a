#include "service/proxy_relay.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "base/text.h"
#include "service/replies.h"
#include "service/requests.h"
#include "service/root_paths.h"

namespace latchkey::service {

namespace {

constexpr std::string_view prefix = "/proxy/";

/// The routes' own words for it.
Error no_such_path() {
    return {Fault::not_found, "no_such_route",
            "This listener has no such path; /openapi.json lists what there is."};
}

/// Whether a target is GET /v1/connections/{id}/token, with or without a query.
bool asks_for_token(std::string_view target) {
    constexpr std::string_view begin = "/v1/connections/";
    constexpr std::string_view end = "/token";
    const auto path = target.substr(0, target.find('?'));
    if (!path.starts_with(begin) || !path.ends_with(end) ||
        path.size() <= begin.size() + end.size())
        return false;
    const auto id = path.substr(begin.size(), path.size() - begin.size() - end.size());
    return id.find('/') == std::string_view::npos;
}

/// The id as it stands there; nullopt where it has to be decoded, or a query says more.
std::optional<std::string_view> plain_connection(std::string_view target) {
    constexpr std::size_t before = 16;  // "/v1/connections/"
    constexpr std::size_t behind = 6;   // "/token"
    if (target.find_first_of("?%") != std::string_view::npos) return std::nullopt;
    return target.substr(before, target.size() - before - behind);
}

struct TokenWish {
    ConnectionId connection;
    TokenDemand demand;
    bool usual = true;  ///< as most ask: what is remembered for one is good for all
};

/// errors  bad_input invalid_parameter · not_found no_such_route
Result<TokenWish> token_wish(std::string_view target) {
    ServedRequest request;
    const auto mark = target.find('?');
    request.target = target;
    if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
    if (has_key(request.query)) return key_in_query();
    auto query = read_query(request, {"valid_for"});
    if (!query) return query.error();
    auto valid_for = optional_number(*query, "valid_for", 0, 86400);
    if (!valid_for) return valid_for.error();
    const auto path = segments(target.substr(0, mark));
    if (path.size() != 4) return no_such_path();
    TokenWish wish;
    wish.connection = ConnectionId{path[2]};
    wish.usual = !valid_for->has_value();
    if (!wish.usual) wish.demand = TokenDemand{std::chrono::seconds{**valid_for}};
    return wish;
}

const char* route_of(RelayForm form) {
    return form == RelayForm::ours ? ProxyRelay::route : ProxyRelay::root_route;
}

RelayForm form_of(std::string_view target) {
    return target.starts_with(prefix) ? RelayForm::ours : RelayForm::callers;
}

}  // namespace

/// What a head says, as views into it.
struct ProxyRelay::Call {
    std::string_view key;  ///< an API key; at the root a gateway session's token
    std::string_view connection;
    std::string_view path;
    RelayForm form = RelayForm::ours;
    bool at_root() const { return form == RelayForm::callers; }
};

ProxyRelay::ProxyRelay(Latchkey& library, Log& log) : RelayDesk(library), log_(log) {}

bool ProxyRelay::relays(std::string_view target) const {
    if (asks_for_token(target)) return true;
    return (target.starts_with(prefix) || at_root(target)) && own_path(target) == OwnPath::none;
}

Result<ProxyRelay::Call> ProxyRelay::read(const RequestHead& head) {
    const auto mark = head.target.find('?');
    if (mark != std::string_view::npos && has_key(head.target.substr(mark + 1)))
        return key_in_query();
    return form_of(head.target) == RelayForm::ours ? read_proxy(head) : read_root(head);
}

Result<std::string_view> ProxyRelay::key_of(const RequestHead& head) {
    std::string_view found;
    std::size_t lines = 0;
    for (const auto& line : head.lines) {
        if (line.name.size() != 13 || !ascii_iequal(line.name, "Authorization")) continue;
        ++lines;
        if (const auto key = bearer(line.value)) found = *key;
    }
    if (lines != 1 || found.empty()) return invalid_api_key();
    return found;
}

Result<ProxyRelay::Call> ProxyRelay::read_proxy(const RequestHead& head) {
    Call call;
    const auto key = key_of(head);
    if (!key) return key.error();
    call.key = *key;
    const auto rest = head.target.substr(prefix.size());
    const auto end = rest.find('/');
    call.connection = rest.substr(0, end);
    if (end != std::string_view::npos) call.path = rest.substr(end);
    return call;
}

/// Which paths are never forwarded does not depend on who asks, so that is said first.
Result<ProxyRelay::Call> ProxyRelay::read_root(const RequestHead& head) {
    Call call;
    call.form = RelayForm::callers;
    call.path = folded(head.target);
    const auto checked = check_call(head.method, call.path);
    if (!checked) return checked.error();
    SessionLines lines;
    for (const auto& line : head.lines) lines.see(line.name, line.value);
    const auto token = lines.token();
    if (!token) return token.error();
    call.key = *token;
    return call;
}

RelayVerdict ProxyRelay::look(const RequestHead& head) {
    if (asks_for_token(head.target)) return look_for_token(head);
    auto call = read(head);
    if (!call) return refuse(call.error(), form_of(head.target));
    const std::shared_ptr<KeyGate>* gate = nullptr;
    if (call->at_root()) {
        const auto* session = recall_session(call->key);
        if (session == nullptr) return RelayUndecided{};
        call->connection = session->connection.text;
        gate = &session->gate;
    } else {
        const auto* caller = recall_key(call->key);
        if (caller == nullptr) return RelayUndecided{};
        const auto allowed = may(*caller, Permission::proxy);
        if (!allowed) return refuse(allowed.error(), call->form);
        if (call->path.empty()) return refuse(no_such_path(), call->form);
        const auto checked = check_call(head.method, call->path);
        if (!checked) return refuse(checked.error(), call->form);
        gate = &caller->gate;
    }
    // Last, because it counts, and what is not known here is decided once more.
    auto target = recall_target(call->connection, session_line_for(call->path));
    if (!target) return RelayUndecided{};
    Admission admission;
    if (*gate) {
        auto admitted = admit(*gate, head.method, call->path);
        if (!admitted) return refuse(admitted.error(), call->form);
        admission = std::move(*admitted);
    }
    const auto spared = admit_to_org(*target, gate->get());
    if (!spared) return refuse(spared.error(), call->form);
    return pass(*call, std::move(target), std::move(admission));
}

Async<RelayVerdict> ProxyRelay::decide(const RequestHead& head) {
    if (asks_for_token(head.target)) {
        auto verdict = co_await decide_on_token(head);
        co_return verdict;
    }
    const auto call = read(head);
    if (!call) co_return refuse(call.error(), form_of(head.target));
    Secret key{call->key};
    ConnectionId connection{std::string{call->connection}};
    std::shared_ptr<KeyGate> gate;
    if (call->at_root()) {
        auto session = co_await ask_session(std::move(key));
        if (!session) co_return refuse(session.error(), call->form);
        connection = session->connection;
        gate = session->gate;
    } else {
        auto caller = co_await ask_key(std::move(key));
        if (!caller) co_return refuse(caller.error(), call->form);
        const auto allowed = may(*caller, Permission::proxy);
        if (!allowed) co_return refuse(allowed.error(), call->form);
        if (call->path.empty()) co_return refuse(no_such_path(), call->form);
        const auto checked = check_call(head.method, call->path);
        if (!checked) co_return refuse(checked.error(), call->form);
        gate = caller->gate;
    }
    Admission admission;
    if (gate) {
        auto admitted = admit(gate, head.method, call->path);
        if (!admitted) co_return refuse(admitted.error(), call->form);
        admission = std::move(*admitted);
    }
    const TokenDemand any;
    auto target = co_await ask_target(std::move(connection), any, session_line_for(call->path));
    if (!target) co_return refuse(target.error(), call->form);
    const auto spared = admit_to_org(**target, gate.get());
    if (!spared) co_return refuse(spared.error(), call->form);
    co_return pass(*call, std::move(*target), std::move(admission));
}

RelayVerdict ProxyRelay::look_for_token(const RequestHead& head) {
    if (head.method != "GET") {
        const auto id = next_request_id();
        auto reply = method_not_allowed("GET", id);
        reply.headers.set("Latchkey-Request-Id", id);
        note(id, reply.status, token_route);
        return reply;
    }
    const auto key = key_of(head);
    if (!key) return refuse_token(key.error());
    const auto* caller = recall_key(*key);
    if (caller == nullptr) return RelayUndecided{};
    const auto allowed = may(*caller, Permission::token);
    if (!allowed) return refuse_token(allowed.error());
    const auto connection = plain_connection(head.target);
    const auto vended = connection ? recall_token(*connection) : nullptr;
    if (!vended) return RelayUndecided{};
    if (caller->gate) {
        const auto place = admit_token(caller->gate);
        if (!place) return refuse_token(place.error());
    }
    return vend(*vended);
}

Async<RelayVerdict> ProxyRelay::decide_on_token(const RequestHead& head) {
    const auto key = key_of(head);
    if (!key) co_return refuse_token(key.error());
    Secret asked{*key};
    auto caller = co_await ask_key(std::move(asked));
    if (!caller) co_return refuse_token(caller.error());
    const auto allowed = may(*caller, Permission::token);
    if (!allowed) co_return refuse_token(allowed.error());
    auto wish = token_wish(head.target);
    if (!wish) co_return refuse_token(wish.error());
    HeldPlace held;
    if (caller->gate) {
        auto place = admit_token(caller->gate);
        if (!place) co_return refuse_token(place.error());
        held = std::move(*place);
    }
    const auto keeping = wish->usual ? Remembering::yes : Remembering::no;
    auto vended = co_await ask_token(std::move(wish->connection), wish->demand, keeping);
    if (!vended) co_return refuse_token(vended.error());
    co_return vend(**vended);
}

RelayVerdict ProxyRelay::vend(VendedToken& vended) {
    if (vended.shown.empty()) vended.shown = boost::json::serialize(to_json(vended.token)) + "\n";
    const auto id = next_request_id();
    auto reply = json_text_reply(200, vended.shown);
    reply.headers.set("Latchkey-Request-Id", id);
    note(id, reply.status, token_route);
    return reply;
}

RelayVerdict ProxyRelay::refuse_token(const Error& error) {
    const auto id = next_request_id();
    auto reply = error_answer(error, id, RelayForm::ours);
    note(id, reply.status, token_route);
    return reply;
}

RelayVerdict ProxyRelay::pass(const Call& call, Target target, Admission admission) {
    RelayPass pass;
    pass.held = std::move(admission.held);
    pass.shows_body = admission.shows_body;
    pass.target = std::move(target);
    pass.path = call.path;
    pass.request_id = next_request_id();
    pass.form = call.form;
    return pass;
}

RelayVerdict ProxyRelay::refuse(const Error& error, RelayForm form) {
    const auto id = next_request_id();
    auto reply = error_answer(error, id, form);
    note(id, reply.status, route_of(form));
    return reply;
}

Reply ProxyRelay::error_answer(const Error& error, const std::string& request_id,
                               RelayForm form) const {
    auto reply = form == RelayForm::ours ? error_reply(error, request_id) : sdk_error_reply(error);
    reply.headers.set("Latchkey-Request-Id", request_id);
    return reply;
}

void ProxyRelay::finished(const RelayPass& pass, int status) {
    note(pass.request_id, status, route_of(pass.form));
}

ProxyRelay::Counts& ProxyRelay::counts_of(std::string_view of) {
    for (std::size_t i = 0; i + 1 < routes.size(); ++i)
        if (of == routes[i]) return counts_[i];
    return counts_.back();
}

void ProxyRelay::note(const std::string& request_id, int status, const char* of) {
    if (status >= 0 && status <= last_status)
        counts_of(of)[static_cast<std::size_t>(status)].fetch_add(1, std::memory_order_relaxed);
    log_.write(Level::debug, "request",
               {{"request_id", request_id}, {"route", of}, {"status", status}});
}

std::uint64_t ProxyRelay::count(std::string_view of, int status) const {
    return const_cast<ProxyRelay*>(this)->counts_of(of)[static_cast<std::size_t>(status)].load(
        std::memory_order_relaxed);
}

/// Random once and counted on: unlike a secret, an id has to be rare and not unguessable, and chance
/// costs a system call.
std::string ProxyRelay::next_request_id() {
    constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";
    constexpr int counted = 5;
    constexpr std::uint32_t most = 1u << (5 * counted);
    if (id_prefix_.empty() || ids_ == most) {
        id_prefix_ = "req_" + random_text(random_, 6).substr(0, 6);
        ids_ = 0;
    }
    std::string id = id_prefix_;
    for (int shift = 5 * (counted - 1); shift >= 0; shift -= 5)
        id.push_back(digits[ids_ >> shift & 31]);
    ++ids_;
    return id;
}

}  // namespace latchkey::service
