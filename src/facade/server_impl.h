#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <latchkey/server_client.h>

#include "base/clock.h"
#include "facade/api_host.h"
#include "net/net_transport.h"

namespace latchkey {

/// How to reach a server. Calls under way hold it, so it goes with the last of them.
struct ServerCore {
    ServerCore(Origin to, Secret key, const NetOptions& options)
        : server(std::move(to)), api_key(std::move(key)), transport(options, clock) {}
    SystemClock clock;
    Origin server;
    Secret api_key;
    NetTransport transport;

    /// The request with the key in place of whatever it brought.
    HttpRequest request(std::string method, std::string target, const HeaderLines& headers,
                        std::string body = {}) const;
};

/// Blocking requests run on a loop of the calling thread; Rest and Bulk on one with a thread of its
/// own, which the first of them starts.
struct ServerClient::Impl {
    Impl(Origin to, Secret key, const NetOptions& options);
    ~Impl();
    std::shared_ptr<ApiHost> host();

    boost::asio::io_context loop{1};
    ServerCore core;

private:
    /// The last to go: calls cut off by its end are let go by it.
    struct OwnLoop {
        boost::asio::io_context loop{1};
        boost::asio::executor_work_guard<Executor> open{loop.get_executor()};
        std::promise<void> ended;
        std::thread thread;
    };
    NetOptions options_;
    std::mutex starting_;
    std::unique_ptr<OwnLoop> own_;
    std::shared_ptr<ApiHost> host_;
};

/// errors  those of a server's own answers, as it tells them: bad_input, denied, not_found, conflict,
///         reauthorize, try_later and so on, with its code · misconfigured not_a_latchkey_server
Error server_refusal(int status, std::string_view body);

/// The loop outlives the host.
std::shared_ptr<ApiHost> server_host(boost::asio::io_context& loop,
                                     std::shared_ptr<ServerCore> core);

}  // namespace latchkey
