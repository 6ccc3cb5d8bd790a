#include "facade/census.h"

#include <utility>

namespace latchkey {

Async<std::optional<std::vector<StandingShare>>> Census::take(ConnectionIndex& index, Clock& clock,
                                                              Deadline by) {
    if (clock.steady() < due_) co_return last_;
    due_ = clock.steady() + every;
    auto counts = co_await index.counts(by);
    last_.reset();
    if (!counts) {
        due_ = clock.steady() + again_after_failure;
        co_return std::nullopt;
    }
    last_.emplace();
    for (auto& count : *counts)
        last_->push_back(StandingShare{count.standing, std::move(count.reason), count.connections});
    co_return last_;
}

}  // namespace latchkey
