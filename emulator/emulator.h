#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include <latchkey/error.h>
#include <latchkey/time.h>

#include "base/async.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/http_server.h"

namespace latchkey::emulator {

class Ledger;

struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8788;  ///< 0 takes a free one
    std::uint64_t seed = 1;     ///< the same seed gives the same ids, codes and tokens
    std::string state_file;     ///< empty: everything is forgotten at the end
    bool rotation = true;       ///< of every client until a control says otherwise
    bool pkce_required = true;  ///< the same
    std::optional<ServerTls> tls;
};

/// A Salesforce for laptops and CI: login page, OAuth endpoints with rotation and its reuse
/// detection, identity, the REST API of `data/`, and controls for tests. It is written from
/// Salesforce's documents and shares no protocol code with the client side.
///
/// Runs on one loop; nothing here may be called from another thread.
class Emulator {
public:
    /// `loop`, `clock` and `log` must outlive this object. It may go before the loop: requests
    /// under way are then never finished, but hold what they need.
    Emulator(boost::asio::io_context& loop, Options options, Clock& clock, Log& log);
    ~Emulator();

    /// Reads the state file and listens; from here on it knows its own URL.
    /// returns  the port
    /// errors   misconfigured  address_in_use, invalid_listen_address, tls_files, state_file
    Result<std::uint16_t> start();

    /// Reads the state file, if one is set. `start` does it; only who does not listen calls it.
    Result<void> open_state();

    /// "http://127.0.0.1:8788". Callers that reach this machine by another of its names, or a
    /// listener on every address by any name, get that name in what they are told.
    std::string url() const;

    /// What a person or a program needs to try it, as one JSON object: the URLs, the clients with
    /// their secrets, user, password, org and instance. With port 0 it knows them after `start`.
    std::string config_json() const;

    /// Answers one request, whatever it is. The work goes on when the caller has gone.
    Async<Reply> handle(ServedRequest request);

    /// Stops listening; requests under way have until `by`.
    Async<void> stop(Deadline by);

    /// What clients really did.
    const Ledger& ledger() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;  // shared with the requests under way
};

}  // namespace latchkey::emulator
