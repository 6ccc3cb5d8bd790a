#include "facade/relay_desk.h"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "access/key_gate.h"
#include "base/text.h"
#include "facade/acts.h"
#include "facade/carried_desk.h"
#include "facade/impl.h"
#include "facade/relay_memory.h"
#include "gateway/header_rules.h"
#include "gateway/org_budget.h"
#include "gateway/path_rules.h"
#include "gateway/replay.h"

namespace latchkey {

RelayDesk::RelayDesk(Latchkey& library)
    : library_(library), clock_(house().ground().clock), session_desk_(library) {}
RelayDesk::~RelayDesk() = default;

House& RelayDesk::house() const {
    return *library_.impl_->house;
}

std::shared_ptr<House> RelayDesk::house_of(Latchkey& library) {
    return library.impl_->house;
}

const NetOptions& RelayDesk::net_options(Latchkey& library) {
    return library.impl_->house->ground().net;
}

Clock& RelayDesk::clock(Latchkey& library) {
    return library.impl_->house->ground().clock;
}

Result<void> RelayDesk::check_call(std::string_view method, std::string_view path) {
    auto good = check_method(method);
    if (!good) return good;
    return check_target(path);
}

bool RelayDesk::session_line_for(std::string_view path) {
    return wants_session_line(path);
}

Result<RelayDesk::Admission> RelayDesk::admit(const std::shared_ptr<KeyGate>& gate,
                                              std::string_view method,
                                              std::string_view path) const {
    auto& refusals = house().ground().refusals;
    auto allowed = gate->judge(method, path);
    if (!allowed) {
        refusals.note(allowed.error().code);
        return allowed.error();
    }
    auto place = KeyGate::enter(gate, clock_.steady());
    if (!place) {
        refusals.note(place.error().code);
        return place.error();
    }
    if (!allowed->carrier) return Admission{std::move(*place)};
    auto call = std::make_shared<CarrierCall>();
    call->place = std::move(*place);
    call->gate = gate;
    call->judged = std::move(*allowed);
    return Admission{std::move(call), true};
}

std::optional<Reply> RelayDesk::look_inside(const RequestHead& head, const RelayPass& pass,
                                            std::optional<std::string_view> body) const {
    const auto& call = *static_cast<const CarrierCall*>(pass.held.get());
    const auto good = judge_carried(call, head.lines, pass.path, body);
    if (good) return std::nullopt;
    house().ground().refusals.note(good.error().code);
    return error_answer(good.error(), pass.request_id, pass.form);
}

Result<HeldPlace> RelayDesk::admit_token(const std::shared_ptr<KeyGate>& gate) const {
    return admit_vend(library_, gate);
}

Result<void> RelayDesk::admit_to_org(const RelayTarget& target, const KeyGate* gate) const {
    auto& org = *static_cast<const Connected&>(target).org;
    if (!org.scarce()) return {};
    const auto priority = gate == nullptr ? Priority::normal : gate->rules().priority;
    auto spared = org.admit(priority, clock_.steady());
    if (!spared) house().ground().refusals.note(spared.error().code);
    return spared;
}

void RelayDesk::append_up(const RequestHead& head, std::string& out) const {
    append_lines_up(head.lines, out);
}

void RelayDesk::append_down(const AnswerHead& head, const RelayPass& pass, std::string& out) const {
    for (const auto& line : head.lines) {
        if (line.name.size() == limit_info_line.size() && ascii_iequal(line.name, limit_info_line))
            static_cast<const Connected&>(*pass.target).org->learn(line.value, clock_);
    }
    append_lines_down(head.lines, pass.target->to, out);
    append_relay_marks(out);
    out.append("Latchkey-Request-Id: ").append(pass.request_id).append("\r\n");
}

bool RelayDesk::may_refuse_lines(int status) const {
    return may_mean_dead_session(status);
}

bool RelayDesk::refuses_lines(const AnswerHead& head, std::string_view body) const {
    std::string_view type;
    for (const auto& line : head.lines) {
        if (ascii_iequal(line.name, "Content-Type")) type = line.value;
    }
    return means_dead_session(head.status, type, body);
}

/// On the house's loop: the library's log is heard there alone.
void RelayDesk::log_repeat(const ConnectionId& connection, Generation generation) const {
    auto house = library_.impl_->house;
    boost::asio::post(house->loop(), [house, connection, generation] {
        house->ground().log.write(Level::info, "call_repeated",
                                  {{"connection", connection.text},
                                   {"generation", static_cast<std::int64_t>(generation.value)}});
    });
}

Async<RelayVerdict> RelayDesk::renew(RelayPass refused) {
    const auto& old = static_cast<const Connected&>(*refused.target);
    // Whoever met the same refusal before on this loop has asked already.
    auto target = recall_target(old.connection.text, old.session_line);
    if (!target || static_cast<const Connected&>(*target).generation <= old.generation) {
        const TokenDemand newer = TokenDemand::newer(old.generation);
        auto asked = co_await ask_target(old.connection, newer, old.session_line);
        if (!asked && keeps_first_answer(asked.error())) co_return RelayKeepAnswer{};
        if (!asked) {
            // Its standing may be another one now, and then no loop is to use the old token.
            house().ground().changes.note(old.connection);
            co_return error_answer(asked.error(), refused.request_id, refused.form);
        }
        target = std::move(*asked);
    }
    const auto& next = static_cast<const Connected&>(*target);
    if (next.generation <= old.generation) co_return RelayKeepAnswer{};
    log_repeat(old.connection, next.generation);
    refused.target = std::move(target);
    co_return refused;
}

Async<void> RelayDesk::renew_alone(std::shared_ptr<House> house, ConnectionId connection,
                                   Generation refused) {
    const House::Presence counted{*house};
    const TokenDemand newer = TokenDemand::newer(refused);
    try {
        co_await acts::token(*house, connection, newer, Deadline::in(relay_patience));
    } catch (const std::exception& thrown) {
        house->bug(thrown.what());
    }
    house->ground().changes.note(connection);
}

void RelayDesk::renew_later(const RelayPass& refused) {
    const auto& old = static_cast<const Connected&>(*refused.target);
    auto house = library_.impl_->house;
    boost::asio::co_spawn(house->loop(), renew_alone(house, old.connection, old.generation),
                          boost::asio::detached);
}

Reply RelayDesk::failed(const Error& error, const RelayPass& pass) const {
    return error_answer(call_failed(error), pass.request_id, pass.form);
}

}  // namespace latchkey
