#include <latchkey/server_client.h>

#include <utility>

#include "base/origin.h"
#include "base/quiet_thread.h"
#include "base/run_here.h"
#include "facade/server_impl.h"

namespace latchkey {
namespace {

constexpr std::chrono::seconds patience{90};
constexpr std::chrono::seconds time_to_close{10};

}  // namespace

HttpRequest ServerCore::request(std::string method, std::string target, const HeaderLines& headers,
                                std::string body) const {
    HttpRequest made{std::move(method), std::move(target), {}, std::move(body)};
    for (const auto& [name, value] : headers) made.headers.add(name, value);
    made.headers.set("Authorization", "Bearer " + std::string{api_key.reveal()});
    return made;
}

ServerClient::Impl::Impl(Origin to, Secret key, const NetOptions& options)
    : core(std::move(to), std::move(key), options), options_(options) {}

std::shared_ptr<ApiHost> ServerClient::Impl::host() {
    const std::lock_guard hold{starting_};
    if (!own_) {
        own_ = std::make_unique<OwnLoop>();
        host_ = server_host(own_->loop,
                            std::make_shared<ServerCore>(core.server, core.api_key, options_));
        own_->thread = quiet_thread([own = own_.get()] {
            own->loop.run();
            own->ended.set_value();
        });
    }
    return host_;
}

ServerClient::Impl::~Impl() {
    if (!own_) return;
    // What is under way may still end a job that nobody waits for any more.
    own_->open.reset();
    const auto ended = own_->ended.get_future().wait_for(time_to_close);
    if (ended != std::future_status::ready) own_->loop.stop();
    own_->thread.join();
}

ServerClient::ServerClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ServerClient::~ServerClient() = default;

Result<std::unique_ptr<ServerClient>> ServerClient::open(const std::string& url, Secret api_key,
                                                         const std::string& ca_file) {
    auto origin = Origin::parse(url);
    if (!origin) return origin.error();
    if (!origin->tls && !origin->loopback())
        return Error{Fault::bad_input, "plain_http_not_allowed",
                     "An API key is sent over https only, or to a loopback host."};
    NetOptions options;
    // The operator named this server: it may stand in a private network.
    options.private_origins.push_back(*origin);
    options.extra_ca_file = ca_file;
    auto impl = std::make_unique<Impl>(std::move(*origin), std::move(api_key), options);
    return std::unique_ptr<ServerClient>{new ServerClient{std::move(impl)}};
}

Result<ApiResponse> ServerClient::send(const std::string& method, const std::string& target,
                                       const std::string& body, const HeaderLines& headers) {
    auto& core = impl_->core;
    auto request = core.request(method, target, headers, body);
    auto answer = run_here(
        impl_->loop, core.transport.send(core.server, std::move(request), core.clock.in(patience)));
    if (!answer) return answer.error();
    ApiResponse response;
    response.status = answer->status;
    for (const auto& line : answer->headers) response.headers.emplace_back(line.name, line.value);
    response.body = std::move(answer->body);
    return response;
}

Error ServerClient::refusal_of(const ApiResponse& answer) {
    return server_refusal(answer.status, answer.body);
}

}  // namespace latchkey
