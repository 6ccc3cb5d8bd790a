#include "connect/connect_flow.h"

#include <utility>

#include "connect/flow_impl.h"

namespace latchkey {

ConnectFlow::ConnectFlow(ConnectParts parts) : impl_(std::make_shared<Impl>(std::move(parts))) {}
ConnectFlow::~ConnectFlow() = default;

Task<OpenedFlow> ConnectFlow::open(ConnectWish wish, Deadline by) {
    return impl_->open(std::move(wish), by);
}

Task<LinkView> ConnectFlow::look(Secret link, Deadline by) {
    return impl_->look(std::move(link), by);
}

Task<Departure> ConnectFlow::start(Secret link, std::optional<std::string> chosen_login,
                                   Deadline by) {
    return impl_->start(std::move(link), std::move(chosen_login), by);
}

Task<Arrival> ConnectFlow::callback(ProviderId path, std::string query, CookieLookup cookies,
                                    Deadline by) {
    return impl_->callback(std::move(path), std::move(query), std::move(cookies), by);
}

Task<Completion> ConnectFlow::complete(FlowId id, Secret ticket, std::string end_user,
                                       ApiKeyId caller, Deadline by) {
    return impl_->complete(std::move(id), std::move(ticket), std::move(end_user), std::move(caller),
                           by);
}

Task<void> ConnectFlow::recover(Deadline by) {
    return impl_->recover(by);
}
Async<void> ConnectFlow::run() {
    return Impl::run(impl_);
}
void ConnectFlow::stop() {
    impl_->alarm->stop();
}

/// Finds out what became of a write whose commit nobody confirmed. The hashes are random, so a row
/// that has them and the next version is the one we wrote.
Task<FlowRow> ConnectFlow::Impl::put(FlowRow next, Deadline by) {
    constexpr int most_looks = 3;
    for (int look_number = 0;; ++look_number) {
        auto stored = co_await parts.store.flows().replace(next, by);
        if (stored.has_value()) co_return stored;
        if (stored.error().code != "storage_outcome_unknown") co_return stored;
        if (look_number == most_looks) co_return stored;
        auto seen = co_await parts.store.flows().by_id(next.id, by);
        if (!seen.has_value() || seen->version == next.version) continue;
        const bool ours = seen->version == next.version + 1 && seen->state == next.state &&
                          seen->state_hash == next.state_hash &&
                          seen->cookie_hash == next.cookie_hash &&
                          seen->ticket_hash == next.ticket_hash && seen->failure == next.failure;
        if (ours) co_return seen;
        co_return Error{Fault::conflict, "flow_conflict",
                        "Somebody else has moved the connect session on. Look at it again."};
    }
}

}  // namespace latchkey
