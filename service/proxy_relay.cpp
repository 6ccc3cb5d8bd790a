#include "service/proxy_relay.h"

#include <utility>

#include "base/text.h"
#include "service/replies.h"
#include "service/requests.h"

namespace latchkey::service {

namespace {

constexpr std::string_view prefix = "/proxy/";

/// The routes' own words for it.
Error no_such_path() {
    return {Fault::not_found, "no_such_route",
            "This listener has no such path; /openapi.json lists what there is."};
}

}  // namespace

/// What a head says, as views into it.
struct ProxyRelay::Call {
    std::string_view key;
    std::string_view connection;
    std::string_view path;
};

ProxyRelay::ProxyRelay(Latchkey& library, Log& log) : RelayDesk(library), log_(log) {}

bool ProxyRelay::relays(std::string_view target) const {
    return target.starts_with(prefix);
}

Result<ProxyRelay::Call> ProxyRelay::read(const RequestHead& head) {
    Call call;
    const auto mark = head.target.find('?');
    if (mark != std::string_view::npos && has_key(head.target.substr(mark + 1)))
        return key_in_query();
    std::size_t lines = 0;
    for (const auto& line : head.lines) {
        if (line.name.size() != 13 || !ascii_iequal(line.name, "Authorization")) continue;
        ++lines;
        if (const auto key = bearer(line.value)) call.key = *key;
    }
    if (lines != 1 || call.key.empty()) return invalid_api_key();
    const auto rest = head.target.substr(prefix.size());
    const auto end = rest.find('/');
    call.connection = rest.substr(0, end);
    if (end != std::string_view::npos) call.path = rest.substr(end);
    return call;
}

RelayVerdict ProxyRelay::look(const RequestHead& head) {
    const auto call = read(head);
    if (!call) return refuse(call.error());
    const auto* caller = recall_key(call->key);
    if (caller == nullptr) return RelayUndecided{};
    const auto allowed = may(*caller, Permission::proxy);
    if (!allowed) return refuse(allowed.error());
    if (call->path.empty()) return refuse(no_such_path());
    const auto checked = check_call(head.method, call->path);
    if (!checked) return refuse(checked.error());
    auto target = recall_target(call->connection);
    if (!target) return RelayUndecided{};
    RelayPass pass;
    pass.target = std::move(target);
    pass.path = call->path;
    pass.request_id = next_request_id();
    return pass;
}

Async<RelayVerdict> ProxyRelay::decide(const RequestHead& head) {
    const auto call = read(head);
    if (!call) co_return refuse(call.error());
    Secret key{call->key};
    auto caller = co_await ask_key(std::move(key));
    if (!caller) co_return refuse(caller.error());
    const auto allowed = may(*caller, Permission::proxy);
    if (!allowed) co_return refuse(allowed.error());
    if (call->path.empty()) co_return refuse(no_such_path());
    const auto checked = check_call(head.method, call->path);
    if (!checked) co_return refuse(checked.error());
    ConnectionId connection{std::string{call->connection}};
    const TokenDemand any;
    auto target = co_await ask_target(std::move(connection), any);
    if (!target) co_return refuse(target.error());
    RelayPass pass;
    pass.target = std::move(*target);
    pass.path = call->path;
    pass.request_id = next_request_id();
    co_return pass;
}

RelayVerdict ProxyRelay::refuse(const Error& error) {
    const auto id = next_request_id();
    auto reply = error_answer(error, id);
    note(id, reply.status);
    return reply;
}

Reply ProxyRelay::error_answer(const Error& error, const std::string& request_id) const {
    auto reply = error_reply(error, request_id);
    reply.headers.set("Latchkey-Request-Id", request_id);
    return reply;
}

void ProxyRelay::finished(const RelayPass& pass, int status) {
    note(pass.request_id, status);
}

void ProxyRelay::note(const std::string& request_id, int status) {
    if (status >= 0 && status <= last_status)
        counts_[static_cast<std::size_t>(status)].fetch_add(1, std::memory_order_relaxed);
    log_.write(Level::debug, "request",
               {{"request_id", request_id}, {"route", route}, {"status", status}});
}

std::uint64_t ProxyRelay::count(int status) const {
    return counts_[static_cast<std::size_t>(status)].load(std::memory_order_relaxed);
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
