#include "service/server.h"

#include "base/origin.h"
#include "base/text.h"
#include "net/relay.h"
#include "service/descriptors.h"
#include "service/replies.h"
#include "service/requests.h"

namespace latchkey::service {

/// Passes the library's records on and counts them.
class Server::EventLog {
public:
    EventLog(Metrics& metrics, Log& log) : metrics_(metrics), log_(log) {}

    void operator()(const LogRecord& record) {
        metrics_.count_event(record.event);
        const auto level = record.level == "error"     ? Level::error
                           : record.level == "warning" ? Level::warning
                           : record.level == "debug"   ? Level::debug
                                                       : Level::info;
        // Log takes a fixed list; a record of the library has at most ten fields.
        const auto& f = record.fields;
        const auto at = [&](std::size_t i) {
            return i < f.size() ? Field{f[i].first, f[i].second} : Field{"", ""};
        };
        log_.write(level, record.event,
                   {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9)});
    }

private:
    Metrics& metrics_;
    Log& log_;
};

namespace {

/// Listeners that share a place would share it with another server too, so that the place is free is
/// found out with one that does not.
Result<std::uint16_t> listen_alone(const Config& config, HttpServer& server, bool shared,
                                   Log& log) {
    const auto& at = config.listen;
    if (shared && at.port != 0) {
        boost::asio::io_context nobody;
        HttpServer probe{nobody, ServerLimits{}, Handler{}, log};
        const auto free = probe.listen(at.host, at.port);
        if (!free) return free.error();
    }
    return server.listen(at.host, at.port, config.tls, shared);
}

/// The limits of each loop of the public listener, and of the operators' listener.
std::pair<ServerLimits, ServerLimits> connection_limits(int loops, Log& log) {
    const auto descriptors = raise_descriptor_limit();
    const auto shares = share_descriptors(descriptors, loops);
    std::pair<ServerLimits, ServerLimits> limits;
    if (shares.each_loop < limits.first.connections)
        log.write(Level::warning, "descriptors_few",
                  {{"descriptors", static_cast<std::int64_t>(descriptors)},
                   {"connections_of_a_loop", static_cast<std::int64_t>(shares.each_loop)}});
    limits.first.connections = shares.each_loop;
    limits.second.connections = shares.operators;
    return limits;
}

}  // namespace

Server::Server(boost::asio::io_context& loop, Config config, Log& log,
               std::function<std::uint64_t()> lost_records)
    : loop_(loop),
      config_(std::move(config)),
      log_(log),
      lost_records_(std::move(lost_records)),
      events_(std::make_unique<EventLog>(metrics_, log)) {}

Server::~Server() = default;

Result<void> Server::start(bool dev) {
    const auto [of_a_loop, of_operators] = connection_limits(config_.event_loops, log_);
    public_ = std::make_unique<HttpServer>(
        loop_, of_a_loop,
        [this](ServedRequest request) { return public_route(std::move(request)); }, log_);
    operators_ = std::make_unique<HttpServer>(
        loop_, of_operators,
        [this](ServedRequest request) { return operators_route(std::move(request)); }, log_);

    const bool shared = config_.event_loops > 1;
    const auto port = listen_alone(config_, *public_, shared, log_);
    if (!port) return port.error();
    // A public port of 0 means a test or a demo, and then a second fixed port would only collide.
    const auto wanted = config_.listen.port == 0 ? std::uint16_t{0} : config_.operators_listen.port;
    const auto operators_port = operators_->listen(config_.operators_listen.host, wanted);
    if (!operators_port) return operators_port.error();
    operators_url_ = Origin{false, config_.operators_listen.host, *operators_port}.text();

    if (dev) {
        config_.public_url = Origin{config_.tls.has_value(), config_.listen.host, *port}.text();
        for (auto& provider : config_.providers)
            provider.redirect_uri = config_.public_url + "/oauth/callback/" + provider.id.text;
    }

    Options options;
    options.database = config_.database;
    options.shared_database = config_.shared_database;
    options.journal_directory = config_.journal_directory;
    options.master_key = config_.master_key;
    options.providers = config_.providers;
    options.ca_file = config_.ca_file;
    options.daily_reserve = config_.daily_reserve;
    options.egress = config_.egress;
    options.loop = &loop_;
    options.log = [events = events_.get()](const LogRecord& record) { (*events)(record); };
    options.measure = [metrics = &metrics_](const Measurement& m) { metrics->measure(m); };
    auto opened = Latchkey::open(std::move(options));
    if (!opened) return opened.error();
    library_ = std::move(*opened);

    proxy_ = std::make_shared<ProxyRelay>(*library_, log_);
    public_->relay_with(make_relay(proxy_, *library_));
    if (config_.event_loops > 1) {
        loops_ = std::make_unique<PublicLoops>(
            loop_, *library_, of_a_loop,
            [this](ServedRequest request) { return public_route(std::move(request)); }, log_);
        for (int i = 1; i < config_.event_loops; ++i) {
            const auto added = loops_->add(*public_);
            if (!added) return added.error();
        }
    }
    return {};
}

Async<void> Server::stop(Deadline by) {
    if (public_) public_->stop_accepting();
    if (loops_) co_await loops_->stop(by);
    if (public_) co_await public_->stop(by);
    if (operators_) co_await operators_->stop(by);
    // Also what nobody asked for, such as a planned refresh, is finished, not cut off.
    if (library_) co_await library_->async_close(by);
}

bool Server::page_host_is_ours(const Context& c) const {
    const auto host = c.request.headers.find("Host");
    const auto ours = Origin::parse(config_.public_url);
    return host && ours && ascii_iequal(*host, ours->authority());
}

std::string Server::public_origin() const {
    const auto ours = Origin::parse(config_.public_url);
    return ours ? ours->text() : config_.public_url;
}

std::string Server::cookie_name(const std::string& name) const {
    // Browsers take the prefix only from a secure origin; a loopback demo has none.
    return (config_.public_url.starts_with("https://") ? "__Host-" : "") + name;
}

Task<Caller> Server::caller(const Context& c, Permission needed) {
    if (has_key(c.request.query)) co_return key_in_query();
    auto presented = bearer(c.request);
    if (!presented) co_return presented.error();
    auto found = co_await library_->async_check_api_key(std::move(*presented), patience());
    if (!found) co_return found.error();
    const auto allowed = may(*found, needed);
    if (!allowed) co_return allowed.error();
    co_return std::move(*found);
}

}  // namespace latchkey::service
