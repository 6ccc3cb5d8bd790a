#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <latchkey/latchkey.h>

#include "base/log.h"
#include "base/random.h"
#include "net/http_server.h"
#include "service/config.h"
#include "service/metrics.h"
#include "service/proxy_relay.h"
#include "service/public_loops.h"
#include "service/root_paths.h"

namespace latchkey::service {

/// One request on its way through a route.
struct Context {
    ServedRequest request;
    std::vector<std::string> path;  ///< decoded segments
    std::string request_id;
    Context(ServedRequest r, std::vector<std::string> p, std::string id)
        : request(std::move(r)), path(std::move(p)), request_id(std::move(id)) {}
};

/// The two listeners and everything behind them, on one loop; more loops for the public listener.
class Server {
public:
    /// `loop` and `log` must outlive this object. `lost_records` says how many records the log has
    /// dropped.
    Server(boost::asio::io_context& loop, Config config, Log& log,
           std::function<std::uint64_t()> lost_records);
    ~Server();

    /// Listens, then opens the library with whatever ports came out. With `dev`, the public URL and
    /// the redirect URI of the providers follow the public listener's port.
    /// errors  those of HttpServer::listen and Latchkey::open
    Result<void> start(bool dev);

    const std::string& public_url() const { return config_.public_url; }
    const std::string& operators_url() const { return operators_url_; }
    Latchkey& library() { return *library_; }

    /// As HttpServer::renew_certificate, for the public listener and all its loops.
    std::optional<Result<void>> renew_certificate() { return public_->renew_certificate(); }

    /// Answers what is under way, at most until `by`, and closes the store.
    Async<void> stop(Deadline by);

    // The rooms of routes, each in its own file. `path` begins with the segments that chose it.
    Async<Reply> public_route(ServedRequest request);
    Async<Reply> operators_route(ServedRequest request);

private:
    Async<Reply> connect_page_route(std::shared_ptr<Context> c);
    Async<Reply> callback_route(std::shared_ptr<Context> c);
    Async<Reply> session_routes(std::shared_ptr<Context> c);
    Async<Reply> open_session(std::shared_ptr<Context> c);
    Async<Reply> complete_session(std::shared_ptr<Context> c);
    Async<Reply> connection_routes(std::shared_ptr<Context> c);
    Async<Reply> list_connections(std::shared_ptr<Context> c);
    Async<Reply> gateway_session_routes(std::shared_ptr<Context> c);
    Async<Reply> token_route(std::shared_ptr<Context> c);
    Async<Reply> userinfo_route(std::shared_ptr<Context> c);
    Async<Reply> revoke_token_route(std::shared_ptr<Context> c);
    Async<Reply> identity_route(std::shared_ptr<Context> c);
    Async<Reply> resources_route(std::shared_ptr<Context> c);
    Task<Connection> session_connection(std::shared_ptr<Context> c);
    struct OwnCall;
    Task<OwnCall> own_call(std::shared_ptr<Context> c);
    std::string public_origin() const;
    Async<Reply> api_key_routes(std::shared_ptr<Context> c);
    Async<Reply> ready_route(std::shared_ptr<Context> c);
    Async<Reply> event_route(std::shared_ptr<Context> c);
    Async<Reply> org_route(std::shared_ptr<Context> c);
    Async<Reply> sealing_key_routes(std::shared_ptr<Context> c);
    Async<Reply> kill_switch_routes(std::shared_ptr<Context> c);
    Async<void> take_gauges();

    Async<Reply> answer(bool operators, std::string* route, std::shared_ptr<Context> c);
    Async<Reply> guarded(bool operators, ServedRequest request);

    /// The caller of a request, if its key is good and may do this.
    Task<Caller> caller(const Context& c, Permission needed);

    bool page_host_is_ours(const Context& c) const;
    std::string cookie_name(const std::string& name) const;
    static Deadline patience() { return Deadline::in(std::chrono::seconds{60}); }

    class EventLog;
    boost::asio::io_context& loop_;
    Config config_;
    Log& log_;
    const std::function<std::uint64_t()> lost_records_;
    Metrics metrics_;
    SystemRandom random_;
    std::unique_ptr<EventLog> events_;
    std::unique_ptr<Latchkey> library_;
    std::shared_ptr<ProxyRelay> proxy_;
    std::unique_ptr<PublicLoops> loops_;  ///< null: this loop alone serves
    std::unique_ptr<HttpServer> public_;
    std::unique_ptr<HttpServer> operators_;
    std::string operators_url_;
};

}  // namespace latchkey::service
