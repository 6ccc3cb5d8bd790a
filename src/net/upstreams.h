#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "net/dialler.h"
#include "net/net_transport.h"
#include "net/origin.h"
#include "net/sockets.h"

namespace latchkey {

/// Connections of one loop to the servers behind a relay: idle ones kept for the next request, last
/// in, first out, each looked at for a silent close before it is used.
class Upstreams {
public:
    /// Both must outlive this object.
    Upstreams(const NetOptions& options, std::size_t most_per_origin, Clock& clock);

    /// A connection in use; it counts against the bound until it goes or is given back.
    class Lease {
    public:
        Lease() = default;
        Lease(Lease&& other) noexcept;
        Lease& operator=(Lease&& other) noexcept;
        ~Lease() { drop(); }
        explicit operator bool() const { return socket_ != nullptr; }
        Socket* operator->() const { return socket_.get(); }
        /// Closes the connection.
        void drop();

    private:
        friend class Upstreams;
        struct Host;
        Lease(std::shared_ptr<Host> host, std::unique_ptr<Socket> socket);
        std::shared_ptr<Host> host_;
        std::unique_ptr<Socket> socket_;
    };

    /// An idle connection that is still good; empty if there is none.
    Lease idle(const Origin& to);
    /// errors  as Transport::dial · try_later upstream_busy: as many as are allowed are in use
    Task<Lease> dial(Origin to, Deadline by);
    /// What the last answer on a connection was: a server that sends a body where none may be sends it
    /// late.
    enum class Last { with_body, bodiless };
    /// Keeps a connection on which the last answer came to its end.
    void give_back(Lease lease, Last last);

    std::uint64_t dialled() const { return dialled_; }
    std::uint64_t reused() const { return reused_; }

private:
    using Host = Lease::Host;
    std::shared_ptr<Host> host(const Origin& to);
    void sweep(SteadyTime now);

    Clock& clock_;
    Dialler dialler_;
    const std::size_t most_;
    struct ByOrigin {
        std::size_t operator()(const Origin& origin) const {
            return std::hash<std::string>{}(origin.host) ^ origin.port;
        }
    };
    std::unordered_map<Origin, std::shared_ptr<Host>, ByOrigin> hosts_;
    std::uint64_t dialled_ = 0;
    std::uint64_t reused_ = 0;
    SteadyTime swept_{};
};

}  // namespace latchkey
