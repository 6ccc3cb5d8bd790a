#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>

#include "facade/house.h"
#include "rest/api_port.h"

namespace latchkey {

/// Where the calls of Rest and Bulk are made: a loop, and the port that works on it. There are two:
/// the library's own, with the gateway behind it, and a server client's.
class ApiHost {
public:
    virtual ~ApiHost() = default;
    virtual boost::asio::io_context& loop() = 0;
    /// For this loop alone. It holds what it needs, so that calls under way find it standing.
    virtual std::shared_ptr<ApiPort> port() = 0;
    /// An exception that crossed a room's door: a bug, told as one.
    virtual Error bug(const char* what) = 0;

    /// Counts a piece of work on the loop for as long as it lives.
    class Presence {
    public:
        explicit Presence(ApiHost& host) : host_(host) { host_.come(); }
        Presence(const Presence&) = delete;
        Presence& operator=(const Presence&) = delete;
        ~Presence() { host_.go(); }

    private:
        ApiHost& host_;
    };

protected:
    virtual void come() {}
    virtual void go() {}
};

std::shared_ptr<ApiHost> library_host(std::shared_ptr<House> house);

}  // namespace latchkey
