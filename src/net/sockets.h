#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/async.h"
#include "net/http_server.h"
#include "net/stream.h"
#include "net/tls.h"

namespace latchkey {

/// A Stream over TCP, with or without TLS. Private to the room: tcp_*.cpp and listener.cpp are
/// the only files that know the system's sockets.
class Socket : public Stream {
public:
    /// Connects to a numeric address. `from` is a numeric local address, or empty.
    virtual Async<void> connect(std::string address, std::uint16_t port, std::string from,
                                boost::system::error_code& failed) = 0;
    /// From here on all bytes go through `tls`. Returns when both sides have finished the
    /// handshake. Where TLS itself fails, and not the network, `failed` is errc::protocol_error and
    /// `why` says it in OpenSSL's words.
    virtual Async<void> handshake(std::unique_ptr<TlsEngine> tls, std::string& why,
                                  boost::system::error_code& failed) = 0;
    /// Writes what can be written without waiting, and shortens `bytes` by it. True: nothing is left to
    /// do, or `failed` is set; false: `write` has to be awaited, with what is left of `bytes`. Adds to
    /// `handed` what the kernel took, as `write` does.
    virtual bool write_now(std::string_view& bytes, std::size_t& handed,
                           boost::system::error_code& failed) = 0;
    /// What `read_some` would give, if it can be had without waiting. nullopt: `until_some` has to be
    /// awaited; with `failed` set it is 0.
    virtual std::optional<std::size_t> read_now(std::span<char> into,
                                                boost::system::error_code& failed) = 0;
    /// Waits for something that `read_now` may have, so that memory for it is needed only then. False:
    /// this socket was closed or interrupted.
    virtual Async<bool> until_some() = 0;
    /// True if the loop has been told of nothing since the last read: no byte, and no end. Costs no
    /// system call, where `stale` does; for a socket that was in use a moment ago on a loop that
    /// turns.
    virtual bool quiet() const = 0;
    /// Closes at once, and leaves it to the system to deliver what was written; `reset` throws it away.
    virtual void leave() noexcept = 0;
    /// Ends whatever waits on this socket with operation_aborted, and keeps it open.
    virtual void interrupt() noexcept = 0;
    /// True if the peer has ended its side or the connection is broken; bytes that came before may
    /// still wait to be read.
    virtual bool hung_up() = 0;
    /// Returns when the peer's machine has taken all written bytes; bounded to a second. Only then
    /// does a reset not throw them away.
    virtual Async<void> delivered() = 0;
};

std::unique_ptr<Socket> make_socket(Executor on);
/// Takes over a descriptor that was accepted, also to close it where it cannot be used: null then, and
/// `failed` is set.
std::unique_ptr<Socket> make_socket(Executor on, int descriptor, std::string peer,
                                    boost::system::error_code& failed);

/// A listening TCP socket.
class Listener {
public:
    virtual ~Listener() = default;
    virtual std::uint16_t port() const = 0;
    /// The next connection; null with `failed` set otherwise.
    virtual Async<std::unique_ptr<Socket>> accept(boost::system::error_code& failed) = 0;
    virtual void close() noexcept = 0;
};

/// With `shared`, other listeners of this process may listen at the same place, and the kernel deals
/// connections out among them.
/// errors  misconfigured  address_in_use, invalid_listen_address
Result<std::unique_ptr<Listener>> open_listener(Executor on, const std::string& host,
                                                std::uint16_t port, bool shared = false);

}  // namespace latchkey
