#include <latchkey/server_client.h>

#include "base/clock.h"
#include "base/origin.h"
#include "base/run_here.h"
#include "net/net_transport.h"

namespace latchkey {
namespace {

constexpr std::chrono::seconds patience{90};

}  // namespace

struct ServerClient::Impl {
    Impl(Origin to, Secret key, const NetOptions& options)
        : server(std::move(to)), api_key(std::move(key)), transport(options, clock) {}
    SystemClock clock;
    boost::asio::io_context loop{1};
    Origin server;
    Secret api_key;
    NetTransport transport;
};

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
    HttpRequest request{method, target, {}, body};
    for (const auto& [name, value] : headers) request.headers.add(name, value);
    request.headers.set("Authorization", "Bearer " + std::string{impl_->api_key.reveal()});
    auto answer = run_here(impl_->loop, impl_->transport.send(impl_->server, std::move(request),
                                                              impl_->clock.in(patience)));
    if (!answer) return answer.error();
    ApiResponse response;
    response.status = answer->status;
    for (const auto& line : answer->headers) response.headers.emplace_back(line.name, line.value);
    response.body = std::move(answer->body);
    return response;
}

}  // namespace latchkey
