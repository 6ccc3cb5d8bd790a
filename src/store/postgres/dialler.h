#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/resolver.h"
#include "store/postgres/dsn.h"
#include "store/postgres/link.h"

namespace latchkey::postgres {

/// Finds the primary among the hosts of a connection string: one host at a time, the last good one
/// first, each with a time of its own, and asks it whether it takes changes. A host that is frozen
/// or a standby costs half a second.
class Dialler {
public:
    /// All references must outlive this object.
    Dialler(Dsn dsn, Executor on, Clock& clock, Resolver& resolver, Log& log);

    /// A link to the primary.
    /// errors  try_later storage_unavailable: no host could be reached
    ///                   storage_read_only: those that were reached are standbys or recovering
    ///         misconfigured storage_login, storage_no_database
    Task<std::unique_ptr<Link>> dial(Deadline by);

    /// Which host answered last.
    std::size_t good() const { return good_; }
    /// A host that takes connections but lets statements run into their deadlines may be a former
    /// primary that nobody told, whose commits wait for standbys that have left it: the next dial
    /// begins with the others.
    void doubt(std::size_t host);

    /// The host that answered last.
    std::string shown() const { return dsn_.hosts[good_].shown(); }

private:
    Task<std::unique_ptr<Link>> dial_host(std::size_t which, Deadline by);
    Task<std::unique_ptr<Link>> dial_address(std::size_t which, std::string address, Deadline by);
    Task<std::unique_ptr<Link>> dial_round(std::chrono::milliseconds patience, Deadline by);

    Dsn dsn_;
    Executor on_;
    Clock& clock_;
    Resolver& resolver_;
    Log& log_;
    std::size_t good_ = 0;
    std::optional<Error> last_failure_;
    SteadyTime failed_at_{};
};

}  // namespace latchkey::postgres
