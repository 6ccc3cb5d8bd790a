#include "facade/census.h"

#include <utility>

namespace latchkey {

Async<std::optional<Counted>> Census::take(ConnectionIndex& index, Clock& clock, Deadline by) {
    if (clock.steady() < due_) co_return last_;
    due_ = clock.steady() + every;
    auto counts = co_await index.counts(by);
    auto suspect = co_await index.suspect_count(by);
    last_.reset();
    if (!counts || !suspect) {
        due_ = clock.steady() + again_after_failure;
        co_return std::nullopt;
    }
    last_.emplace();
    last_->suspect = *suspect;
    for (auto& count : *counts)
        last_->connections.push_back(
            StandingShare{count.standing, std::move(count.reason), count.connections});
    co_return last_;
}

}  // namespace latchkey
