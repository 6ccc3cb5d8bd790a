#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <sys/epoll.h>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "base/async.h"

namespace latchkey {

/// Something that waits for a file descriptor.
class Ready {
public:
    /// Bytes may be there, or room for some, or the other side has gone: it is tried to find out.
    /// `ended`: nothing will come after what is there. May destroy this object.
    virtual void on_ready(bool readable, bool writable, bool ended) = 0;
    /// The loop is being destroyed: let go of whoever waits, without calling him.
    virtual void abandon() noexcept = 0;

protected:
    ~Ready() = default;
};

/// Tells what became ready on one loop, many descriptors with one system call, and only when it
/// changes. So a reader that has taken all there was need not try again to learn that nothing is
/// left, as Asio's sockets do. Private to the room. Its own set of descriptors is one descriptor in
/// the loop's.
class Readiness final : public boost::asio::execution_context::service {
public:
    using key_type = Readiness;
    static boost::asio::execution_context::id id;

    /// That of a loop.
    static Readiness& of(Executor on) { return boost::asio::use_service<Readiness>(on.context()); }
    explicit Readiness(boost::asio::io_context& loop);
    ~Readiness() override = default;

    /// From here on `who` is told about `fd`, beginning with what is ready now, until `remove`, which
    /// comes before the descriptor is closed. False: the system refuses, and errno says why.
    bool add(int fd, Ready& who);
    void remove(int fd) noexcept;

    /// How many more, or fewer, wait to be told. The loop goes on as long as somebody does.
    void waiting(int more);

private:
    struct Entry {
        Ready* who = nullptr;
        std::uint32_t generation = 0;  ///< an event of a descriptor's earlier bearer is nobody's
    };

    void shutdown() override;
    void arm();
    void look();
    void deliver();

    boost::asio::io_context& loop_;
    boost::asio::posix::basic_stream_descriptor<Executor> epoll_;
    std::vector<Entry> entries_;  ///< by descriptor
    std::array<epoll_event, 128> events_{};
    std::size_t next_ = 0;
    std::size_t came_ = 0;
    long waiters_ = 0;
    bool armed_ = false;
    bool over_ = false;
};

}  // namespace latchkey
