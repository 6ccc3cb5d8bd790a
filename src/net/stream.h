#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/system/error_code.hpp>

#include "base/async.h"

namespace latchkey {

/// A byte stream, plain or TLS. The only thing the HTTP code knows of sockets; tests hand in
/// others. One read and one write may be under way at a time. `reset` may be called while either
/// waits.
class Stream {
public:
    virtual ~Stream() = default;
    /// At least one byte, or an error; an orderly end is boost::asio::error::eof.
    virtual Async<std::size_t> read_some(std::span<char> into,
                                         boost::system::error_code& failed) = 0;
    /// All bytes, or an error. `handed` counts what the kernel took, also on failure; for TLS it is
    /// the whole as soon as the first record went out.
    virtual Async<void> write(std::string_view bytes, std::size_t& handed,
                              boost::system::error_code& failed) = 0;
    /// Closes in order (TLS close_notify, FIN), and takes what the peer still sends for two seconds at
    /// most, because a peer that is told of a reset may lose what it has not read.
    virtual Async<void> close() = 0;
    /// Closes at once with a reset. Safe to repeat.
    virtual void reset() noexcept = 0;
    /// True if the peer has closed or sent bytes nobody asked for: not to be used again.
    virtual bool stale() = 0;
    /// Numeric address of the peer, without the port.
    virtual std::string peer() const = 0;
};

/// Puts a stream of a test's own around each connection; absent in production.
using StreamWrapper = std::function<std::unique_ptr<Stream>(std::unique_ptr<Stream>)>;

}  // namespace latchkey
