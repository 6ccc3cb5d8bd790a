#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include <latchkey/error.h>

#include "net/http_server.h"

namespace latchkey::emulator {

/// One misbehaviour, for the next `count` requests to a path and to everything below it.
///
/// A fault of `before` with a status or a reset stands in for the whole work: nothing is processed.
/// One of `after` happens to a finished answer: what the request was to change has changed.
struct FaultPlan {
    std::uint64_t id = 0;
    std::string path;
    std::int64_t count = 1;
    bool after = false;
    std::optional<int> status;
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<std::string> body;
    std::chrono::milliseconds delay{0};
    bool reset = false;
    std::optional<std::size_t> cut_at;

    bool replaces_work() const { return !after && (status || reset || body); }
    /// Status, headers, body, reset and cut put upon an answer.
    void apply(Reply& reply) const;
};

/// errors  bad_input  unknown_field, wrong_value
Result<FaultPlan> read_fault(const boost::json::object& wish);
boost::json::object print_fault(const FaultPlan& plan);

/// The misbehaviours still to come, at most 1,000, oldest first.
class Faults {
public:
    /// Returns the fault with its number; nullopt if there are too many.
    std::optional<FaultPlan> add(FaultPlan plan);
    /// The first fault for `path`, one count less.
    std::optional<FaultPlan> take(std::string_view path);
    void clear() { plans_.clear(); }
    const std::vector<FaultPlan>& all() const { return plans_; }

private:
    std::vector<FaultPlan> plans_;
    std::uint64_t next_ = 1;
};

}  // namespace latchkey::emulator
