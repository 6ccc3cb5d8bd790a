#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/post.hpp>

#include "base/async.h"
#include "base/clock.h"
#include "store/errors.h"
#include "store/memory_store.h"

namespace latchkey::memory {

/// What a test wants of the calls to come, and what became of those before.
struct Gatekeeper {
    explicit Gatekeeper(Clock& c) : clock(c) {}

    Clock& clock;
    struct Fault {
        std::string call;
        MemoryStore::Trouble how;
        int left;
    };
    std::vector<Fault> faults;
    std::map<std::string, std::size_t, std::less<>> calls;

    std::optional<MemoryStore::Trouble> next_fault(const std::string& call);
    std::size_t count(std::string_view call) const;
};

/// The way that each call of a memory adapter goes.
template <class T>
Task<T> gate(Gatekeeper* state, std::string call, Deadline by, std::function<Result<T>()> work) {
    using Trouble = MemoryStore::Trouble;
    co_await boost::asio::post(use_task);
    ++state->calls[call];
    const auto fault = state->next_fault(call);
    if (by.passed(state->clock.steady())) co_return store_error::unavailable("the deadline passed");
    if (fault == Trouble::unavailable) co_return store_error::unavailable("a test said so");
    if (fault == Trouble::damaged) co_return store_error::damaged("a test said so");
    if (fault == Trouble::read_only) co_return store_error::read_only();
    if (fault == Trouble::unknown) co_return store_error::unknown_history();
    if (fault == Trouble::lost_before) co_return store_error::outcome_unknown();
    Result<T> result = work();
    if (fault == Trouble::silent) co_await state->clock.sleep_until(by.at);
    if (fault == Trouble::late)
        co_await state->clock.sleep_until(by.at - std::chrono::milliseconds{1});
    if (fault == Trouble::lost_after || fault == Trouble::silent)
        co_return store_error::outcome_unknown();
    co_return result;
}

}  // namespace latchkey::memory
