#include <utility>

#include "base/text.h"
#include "connect/flow_impl.h"
#include "connect/unstoppable.h"

namespace latchkey {
namespace {

constexpr std::size_t id_bytes = 16;
/// More rounds than writers that can be ahead of us: each round somebody's write has succeeded.
constexpr int most_rounds = 64;
/// What an answer may need in the journal: its body's limit and some room around it.
constexpr std::size_t journal_room = 1024 * 1024 + 4096;
/// From the noted decision to the write: a code that leaves later has been given up by everybody.
constexpr std::chrono::seconds send_window{2};
constexpr std::chrono::seconds answer_window{32};
/// How often a second `complete` looks whether the first one has come to an end.
constexpr std::chrono::milliseconds look_again{200};

Error unknown_flow() {
    return {Fault::not_found, "flow_not_found",
            "There is no such connect session of this API key. Sessions are kept for ten minutes; "
            "open a new one."};
}

Error invalid_ticket(const char* what) {
    return {Fault::conflict, "ticket_invalid",
            std::string{what} +
                " Use the newest ticket that the return URL received, once and "
                "within a minute, or open a new connect session."};
}

Error other_user() {
    return {Fault::denied, "user_mismatch",
            "Another user finished this login than the one it was opened for, so nothing was "
            "connected. Open a new connect session for the user who is logged in now."};
}

Error failed_before(const FlowRow& flow) {
    return {Fault::conflict, "flow_failed",
            "This connect session has ended without a connection: " + printable(flow.failure, 64) +
                ". Open a new one."};
}

Error under_way() {
    return {Fault::try_later, "completion_under_way",
            "Another request is completing this connect session. Send the same request again in a "
            "few seconds; it will have the same result."};
}

}  // namespace

/// Everything that one exchange needs once it has been decided.
struct ConnectFlow::Impl::Spending {
    FlowRow flow;  ///< as stored: exchanging
    GrantKey key;
    JournalRoom room;
    TokenLine line;
    oauth::CheckedCallback callback;
    Secret verifier;
    std::unique_ptr<connect::Mark<FlowId>> mark;

    Spending(FlowRow f, GrantKey k, JournalRoom r, TokenLine l, oauth::CheckedCallback c, Secret v,
             std::unique_ptr<connect::Mark<FlowId>> m)
        : flow(std::move(f)),
          key(std::move(k)),
          room(std::move(r)),
          line(std::move(l)),
          callback(std::move(c)),
          verifier(std::move(v)),
          mark(std::move(m)) {}
};

Task<void> ConnectFlow::Impl::end(FlowRow flow, std::string failure, Deadline by) {
    flow.state = FlowState::failed;
    flow.failure = std::move(failure);
    flow.verifier = Sealed{};
    flow.callback = Sealed{};
    flow.expires_at = parts.clock.wall() + connect::answer_lifetime;
    auto stored = co_await put(std::move(flow), by);
    if (!stored.has_value()) co_return stored.error();
    co_return Result<void>{};
}

Task<Completion> ConnectFlow::Impl::repeat(FlowRow flow, Deadline by) {
    auto connection = co_await parts.store.connections().find(flow.connection, by);
    if (!connection.has_value()) co_return connection.error();
    Completion completion;
    completion.connection = std::move(*connection);
    completion.created = false;
    co_return completion;
}

Task<Completion> ConnectFlow::Impl::complete(FlowId id, Secret ticket, std::string end_user,
                                             ApiKeyId caller, Deadline by) {
    for (int round = 0; round < most_rounds;) {
        auto found = co_await parts.store.flows().by_id(id, by);
        if (!found.has_value()) {
            if (found.error().fault == Fault::not_found) co_return unknown_flow();
            co_return found.error();
        }
        FlowRow flow = std::move(*found);
        if (flow.owner != caller) {
            parts.log.write(Level::warning, "foreign_flow",
                            {{"flow", flow.id.text}, {"api_key", caller.text}});
            co_return unknown_flow();
        }
        if (flow.state == FlowState::failed && flow.ticket_hash.empty())
            co_return failed_before(flow);
        if (flow.ticket_hash.empty())
            co_return invalid_ticket("The person has not come back from Salesforce yet.");
        if (!connect::fits(ticket, flow.ticket_hash))
            co_return invalid_ticket("This is not the ticket of this connect session.");

        // The heart of it: the person who finished the login has to be the one who began it. Only
        // the app knows who is logged in in the browser that brought the ticket.
        if (flow.end_user != end_user) {
            if (flow.state == FlowState::returned) {
                parts.log.write(Level::warning, "user_mismatch",
                                {{"flow", flow.id.text}, {"provider", flow.provider.text}});
                auto ended = co_await end(std::move(flow), "user_mismatch", by);
                if (!ended.has_value() && ended.error().fault == Fault::conflict) {
                    ++round;
                    continue;
                }
                if (!ended.has_value()) co_return ended.error();
            }
            co_return other_user();
        }

        if (flow.state == FlowState::failed) co_return failed_before(flow);
        if (flow.state == FlowState::done) {
            auto repeated = co_await repeat(std::move(flow), by);
            co_return repeated;
        }
        // The code is left unspent; the person may come back when it goes on.
        if (flow.state == FlowState::returned)
            if (auto stopped = parts.switches.stops(flow.provider)) co_return std::move(*stopped);
        if (flow.state == FlowState::exchanging) {
            // Somebody is at it. Their result is ours too.
            if (by.passed(parts.clock.steady() + look_again)) co_return under_way();
            if (put_aside.contains(flow.id)) alarm->ring();
            co_await parts.clock.sleep_until(parts.clock.steady() + look_again);
            continue;
        }
        if (parts.clock.wall() >= flow.ticket_expires_at)
            co_return invalid_ticket("The ticket has expired.");
        auto redeemed = co_await redeem(std::move(flow), by);
        if (redeemed.has_value() || redeemed.error().code != "flow_conflict") co_return redeemed;
        ++round;
    }
    co_return under_way();
}

/// All that can fail without harm fails here, while the flow can still be completed again.
Task<Completion> ConnectFlow::Impl::redeem(FlowRow flow, Deadline by) {
    auto provider = parts.providers.find(flow.provider);
    if (!provider.has_value()) co_return provider.error();
    auto login = connect::login_of(*provider, flow.login_url);
    if (!login.has_value()) co_return login.error();
    auto packed = parts.vault.open_for_flow(flow.id, connect::luggage_column, flow.verifier);
    if (!packed.has_value()) co_return packed.error();
    auto luggage = connect::Luggage::unpack(*packed);
    if (!luggage.has_value()) co_return luggage.error();
    auto query = parts.vault.open_for_flow(flow.id, connect::callback_column, flow.callback);
    if (!query.has_value()) co_return query.error();
    auto parsed = oauth::parse_callback(query->reveal());
    if (!parsed.has_value()) co_return parsed.error();
    auto checked = oauth::check_callback(
        *parsed, flow.provider.text, connect::awaited_callback(flow, *provider, *login, *parsed));
    if (!checked.has_value()) co_return checked.error();

    GrantKey key{ConnectionId{"cn_" + random_text(parts.random, id_bytes)}, Epoch{1}};
    if (!flow.reconnects.empty()) {
        auto last = co_await parts.store.grants().last_epoch(flow.reconnects, by);
        if (!last.has_value()) co_return last.error();
        key = GrantKey{flow.reconnects, last->next()};
    }
    auto room = co_await parts.journal.reserve(journal_room, by);
    if (!room.has_value()) co_return room.error();
    auto line = co_await parts.endpoint.connect(*provider, *login, by);
    if (!line.has_value()) co_return line.error();

    if (auto stopped = parts.switches.stops(flow.provider)) co_return std::move(*stopped);
    // Of all who want to spend this code, the one whose write fits goes on. Where nobody can tell
    // whether it fitted, nothing is sent: a second use of a code revokes what the first one gave.
    flow.state = FlowState::exchanging;
    flow.expires_at = parts.clock.wall() + connect::recovery_lifetime;
    auto stored = co_await parts.store.flows().replace(flow, by);
    if (!stored.has_value()) {
        if (stored.error().code == "storage_outcome_unknown")
            co_return Error{Fault::outcome_unknown, "exchange_unknown",
                            "It could not be noted for certain that the login's code is being "
                            "used, so it was not. Open a new connect session."};
        co_return stored.error();
    }
    auto mark = std::make_unique<connect::Mark<FlowId>>(busy, flow.id);
    auto spending = std::make_unique<Spending>(std::move(*stored), std::move(key), std::move(*room),
                                               std::move(*line), std::move(*checked),
                                               std::move(luggage->verifier), std::move(mark));
    auto work = spend(std::move(spending));
    auto completion = co_await connect::unstoppable(parts.loop, std::move(work));
    co_return completion;
}

Task<Completion> ConnectFlow::Impl::spend(std::unique_ptr<Spending> spending) {
    FlowRow flow = spending->flow;
    parts.stops.reached("CP36");
    auto raw = co_await spending->line.exchange(
        std::move(spending->callback), std::move(spending->verifier),
        parts.clock.steady() + send_window, parts.clock.in(answer_window));
    if (!raw.has_value() && raw.error().code == "not_sent") {
        // Certainly unspent, and nobody else may touch an exchanging flow: as it was.
        flow.state = FlowState::returned;
        flow.expires_at = flow.created_at + connect::flow_lifetime + connect::ticket_lifetime;
        auto back = co_await put(std::move(flow), for_store());
        co_return back.has_value() ? raw.error() : back.error();
    }
    if (!raw.has_value()) {
        parts.log.write(Level::error, "exchange_unknown",
                        {{"flow", flow.id.text}, {"provider", flow.provider.text}});
        auto ended = co_await end(std::move(flow), "exchange_unknown", for_store());
        if (!ended.has_value())
            parts.log.write(Level::error, "flow_not_ended", {{"code", ended.error().code}});
        co_return Error{Fault::outcome_unknown, "exchange_unknown",
                        "Salesforce's answer was lost, and a code can be used only once. Open a "
                        "new connect session; the person has to log in again.",
                        raw.error().message};
    }
    parts.stops.reached("CP37");

    Answer answer;
    answer.key = spending->key;
    answer.raw = std::move(*raw);
    answer.at = parts.clock.wall();
    auto noted =
        co_await parts.vault.note_exchange(answer.key, flow.id, answer.raw.pack(), for_store());
    spending->room = JournalRoom{};
    // Without the journal a crash loses the answer; giving up now would lose it for certain.
    if (noted.has_value())
        answer.record = *noted;
    else
        parts.log.write(Level::error, "exchange_not_journalled",
                        {{"flow", flow.id.text}, {"code", noted.error().code}});
    parts.stops.reached("CP38");
    auto completion = co_await adopt(std::move(flow), std::move(answer));
    co_return completion;
}

}  // namespace latchkey
