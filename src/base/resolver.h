#pragma once

#include <string>
#include <vector>

#include "base/clock.h"

namespace latchkey {

/// Turns a host name into addresses.
class Resolver {
public:
    virtual ~Resolver() = default;
    /// Numeric addresses in the order in which to try them; at least one.
    /// errors  try_later  upstream_unreachable: no such name, no answer by `by`
    virtual Task<std::vector<std::string>> resolve(std::string host, Deadline by) = 0;
};

/// The system's resolver. getaddrinfo cannot be interrupted, so each look-up has a short-lived
/// thread of its own that is left behind when its time is over; at most 32 of them run at once.
class SystemResolver final : public Resolver {
public:
    /// `clock` must outlive this object.
    explicit SystemResolver(Clock& clock) : clock_(clock) {}
    Task<std::vector<std::string>> resolve(std::string host, Deadline by) override;

private:
    Clock& clock_;
};

}  // namespace latchkey
