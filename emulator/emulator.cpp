#include "emulator/emulator.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "emulator/answers.h"
#include "emulator/controls.h"
#include "emulator/endpoints.h"
#include "emulator/pages.h"
#include "emulator/state_file.h"
#include "emulator/world.h"

namespace latchkey::emulator {
namespace {

namespace json = boost::json;

constexpr std::string_view oauth = "/services/oauth2/";
constexpr std::string_view controls = "/__emulator/";

/// One slash in front, none behind, however many came.
std::string plain_path(std::string_view raw) {
    const auto first = std::min(raw.find_first_not_of('/'), raw.size());
    raw.remove_prefix(first);
    while (raw.ends_with('/')) raw.remove_suffix(1);
    return "/" + std::string{raw};
}

std::string_view host_of(std::string_view authority) {
    if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
    return authority.substr(0, authority.find(':'));
}

bool is_this_machine(std::string_view host) {
    return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

bool is_every_address(std::string_view host) {
    return host == "0.0.0.0" || host == "::";
}

bool is_authority(std::string_view text) {
    return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == ':' || c == '[' || c == ']';
    });
}

/// Holds a grant while one refresh is being processed, and its token in flight in the ledger. It is
/// alive for the whole of the request, so that a request that was dropped does not hold it for
/// ever.
class Holding {
public:
    Holding(World& world, const Visit& visit, const std::string& token) : world_(world) {
        const auto found = world.grants.find_refresh(token);
        const std::string grant = found.grant == nullptr ? "" : found.grant->id;
        use_.number = world.ledger.arrive(token, grant, visit.now);
        if (found.grant == nullptr) return;
        const Client* client = world.clients.find(found.grant->client_id);
        const auto rule =
            client == nullptr ? Concurrency::block_same_token : client->concurrent_refresh;
        // A lock is per grant, or per user and app.
        name_ = rule == Concurrency::block_app ? found.grant->client_id + " " + found.grant->user_id
                                               : grant;
        const auto holder = world.busy.find(name_);
        if (holder != world.busy.end() && rule != Concurrency::allow) {
            use_.blocked = true;
            use_.own_token = world.ledger.same_token(holder->second, use_.number);
            return;
        }
        world.busy.emplace(name_, use_.number);
        if (client != nullptr) latency_ = std::chrono::milliseconds{client->refresh_latency};
    }
    ~Holding() {
        world_.ledger.end(use_.number);
        const auto held = world_.busy.find(name_);
        if (held != world_.busy.end() && held->second == use_.number) world_.busy.erase(held);
    }
    Holding(const Holding&) = delete;
    Holding& operator=(const Holding&) = delete;

    const RefreshUse& use() const { return use_; }
    std::chrono::milliseconds latency() const { return latency_; }

private:
    World& world_;
    RefreshUse use_;
    std::chrono::milliseconds latency_{0};
    std::string name_;
};

/// The refresh token this request presents; nullopt if it is no refresh.
std::optional<std::string> presented(const Visit& visit) {
    if (visit.path != "/services/oauth2/token" || !visit.posted()) return std::nullopt;
    const auto form = form_of(visit.request);
    if (!form || value_of(*form, "grant_type") != "refresh_token") return std::nullopt;
    const std::string token = value_of(*form, "refresh_token");
    if (token.empty()) return std::nullopt;
    return token;
}

Reply route(World& world, const Visit& visit, const RefreshUse& use) {
    const std::string_view path = visit.path;
    if (path.starts_with(oauth)) {
        const auto name = path.substr(oauth.size());
        // A login brand may stand behind "authorize".
        if (name == "authorize" || name.starts_with("authorize/")) return authorize(world, visit);
        if (name == "token") return token(world, visit, use);
        if (name == "revoke") return revoke(world, visit);
        if (name == "introspect") return introspect(world, visit);
        if (name == "userinfo") return userinfo(world, visit);
        if (name == "singleaccess") return single_access(world, visit);
        if (name == "success") {
            return html_reply(200, plain_page("Logged in", "You can close this window."));
        }
    }
    if (path == "/services/data" || path.starts_with("/services/data/")) return data(world, visit);
    if (path == "/id/keys") {
        Reply reply = json_answer(200, nullptr);
        reply.body = world.signer.key_set();
        return reply;
    }
    if (path.starts_with("/id/")) return identity(world, visit);
    if (path == "/.well-known/openid-configuration") return discovery(visit);
    if (path == "/" || path == "/secur/frontdoor.jsp") {
        return html_reply(200, plain_page("The emulated Salesforce is running",
                                          "Point your application's login URL here."));
    }
    return html_reply(404, plain_page("URL no longer exists",
                                      "There is nothing at this address of the emulator."));
}

}  // namespace

struct Emulator::Impl {
    Impl(boost::asio::io_context& l, Options o, Clock& c, Log& g)
        : loop(l),
          options(std::move(o)),
          clock(c),
          log(g),
          world(options.seed, options.rotation,
                options.pkce_required ? Pkce::required : Pkce::optional),
          port(options.port) {}

    std::string authority() const {
        std::string host = options.host;
        if (is_every_address(host)) host = "127.0.0.1";
        if (host.find(':') != std::string::npos) host = "[" + host + "]";
        const bool usual = port == (options.tls ? 443 : 80);
        return usual ? host : host + ":" + std::to_string(port);
    }

    std::string origin_for(const ServedRequest& request) const {
        const std::string scheme = options.tls ? "https://" : "http://";
        const std::string own = authority();
        const std::string asked = ascii_lower(request.headers.find("Host").value_or(""));
        const bool plausible = is_every_address(options.host) ||
                               (is_this_machine(host_of(own)) && is_this_machine(host_of(asked)));
        return scheme + (plausible && is_authority(asked) ? asked : own);
    }

    /// Writes the state if a restart would otherwise forget something.
    void keep() {
        if (options.state_file.empty() || world.grants.changes() == kept_changes) return;
        kept_changes = world.grants.changes();
        save();
    }
    void save() {
        if (options.state_file.empty()) return;
        const auto saved = save_state(world, options.state_file);
        if (!saved) {
            log.write(Level::error, "emulator_state_not_kept",
                      {{"code", saved.error().code}, {"message", saved.error().message}});
        }
    }

    static Async<Reply> serve(std::shared_ptr<Impl> self, ServedRequest request);
    static Async<Reply> serve_if_there(std::weak_ptr<Impl> self, ServedRequest request);

    boost::asio::io_context& loop;
    Options options;
    Clock& clock;
    Log& log;
    World world;
    std::uint16_t port;
    std::uint64_t kept_changes = 0;
    std::unique_ptr<HttpServer> server;
};

/// An upload of a bulk job may be large; every other body is held to the server's usual bound.
constexpr std::size_t most_upload_bytes = 32 * 1024 * 1024;

bool too_long(const Visit& visit) {
    const bool upload =
        visit.path.starts_with("/services/data/") && visit.path.ends_with("/batches");
    return !upload && visit.request.body.size() > ServerLimits{}.body_bytes;
}

Async<Reply> Emulator::Impl::serve(std::shared_ptr<Impl> self, ServedRequest request) {
    World& world = self->world;
    Clock& clock = self->clock;
    Visit visit{request, plain_path(request.path), self->origin_for(request),
                clock.wall() + world.offset};
    if (visit.path.starts_with(controls)) {
        Reply answer = control(world, visit);
        if (visit.posted()) self->save();
        co_return answer;
    }
    if (too_long(visit)) {
        co_return html_reply(413, plain_page("The body is too long",
                                             "Only the data of a bulk job may be over 1 MiB."));
    }
    const auto fault = world.faults.take(visit.path);
    std::optional<Holding> holding;
    if (const auto token = presented(visit)) holding.emplace(world, visit, *token);
    RefreshUse use;
    if (holding) use = holding->use();

    if (fault && !fault->after && fault->delay.count() > 0) {
        co_await clock.sleep_until(clock.steady() + fault->delay);
    }
    Reply reply;
    if (fault && fault->replaces_work()) {
        world.ledger.outcome(use.number, "fault");
    } else {
        if (holding && holding->latency().count() > 0) {
            co_await clock.sleep_until(clock.steady() + holding->latency());
        }
        visit.now = clock.wall() + world.offset;
        reply = route(world, visit, use);
        if (reply.status != 200) world.ledger.outcome(use.number, "refused");
        self->keep();
    }
    if (fault && fault->after && fault->delay.count() > 0) {
        co_await clock.sleep_until(clock.steady() + fault->delay);
    }
    if (fault) fault->apply(reply);
    if (holding) {
        reply.sent = [self, number = use.number](bool whole) {
            self->world.ledger.handed_over(number, whole);
        };
    }
    // The path alone: queries and bodies carry tokens.
    self->log.write(
        Level::debug, "emulator_request",
        {{"method", request.method}, {"path", visit.path}, {"status", std::int64_t{reply.status}}});
    co_return reply;
}

Async<Reply> Emulator::Impl::serve_if_there(std::weak_ptr<Impl> weak, ServedRequest request) {
    auto self = weak.lock();
    if (!self) co_return Reply{503};
    auto reply = co_await serve(std::move(self), std::move(request));
    co_return reply;
}

Emulator::Emulator(boost::asio::io_context& loop, Options options, Clock& clock, Log& log)
    : impl_(std::make_shared<Impl>(loop, std::move(options), clock, log)) {}

Emulator::~Emulator() {
    impl_->server.reset();
}

Result<void> Emulator::open_state() {
    if (impl_->options.state_file.empty()) return {};
    auto loaded = load_state(impl_->world, impl_->options.state_file);
    impl_->kept_changes = impl_->world.grants.changes();
    return loaded;
}

Result<std::uint16_t> Emulator::start() {
    const auto opened = open_state();
    if (!opened) return opened.error();
    const std::weak_ptr<Impl> weak = impl_;
    ServerLimits limits;
    limits.body_bytes = most_upload_bytes;
    impl_->server = std::make_unique<HttpServer>(
        impl_->loop, limits,
        [weak](ServedRequest request) { return Impl::serve_if_there(weak, std::move(request)); },
        impl_->log);
    const auto& options = impl_->options;
    const auto port = impl_->server->listen(options.host, options.port, options.tls);
    if (port) impl_->port = *port;
    return port;
}

std::string Emulator::url() const {
    return (impl_->options.tls ? "https://" : "http://") + impl_->authority();
}

std::string Emulator::config_json() const {
    const World& world = impl_->world;
    json::array clients;
    for (const auto& [id, client] : world.clients.all()) {
        json::array uris;
        for (const auto& uri : client.redirect_uris) uris.emplace_back(uri);
        json::object one;
        one["client_id"] = client.client_id;
        one["client_secret"] = nullptr;
        if (!client.secret.empty()) one["client_secret"] = client.secret;
        one["redirect_uris"] = std::move(uris);
        one["any_loopback_redirect"] = client.any_loopback_redirect;
        one["rotation"] = client.rotation;
        one["pkce"] = client.pkce == Pkce::required ? "required" : "optional";
        clients.push_back(std::move(one));
    }
    const std::string base = url();
    json::object out;
    out["url"] = base;
    out["login_url"] = base;
    out["instance_url"] = base;
    out["authorize_url"] = base + "/services/oauth2/authorize";
    out["token_url"] = base + "/services/oauth2/token";
    out["controls_url"] = base + "/__emulator";
    out["clients"] = std::move(clients);
    out["user"] = world.people.ada().username;
    out["password"] = world.people.password();
    out["user_id"] = world.people.ada().id;
    out["org_id"] = world.people.org_id();
    return json::serialize(out);
}

Async<Reply> Emulator::handle(ServedRequest request) {
    return Impl::serve(impl_, std::move(request));
}

Async<void> Emulator::stop(Deadline by) {
    if (impl_->server) co_await impl_->server->stop(by);
}

const Ledger& Emulator::ledger() const {
    return impl_->world.ledger;
}

}  // namespace latchkey::emulator
