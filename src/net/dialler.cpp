#include "net/dialler.h"

#include <algorithm>
#include <utility>

#include <arpa/inet.h>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/text.h"
#include "base/watch.h"
#include "net/address_guard.h"
#include "net/tunnel.h"

namespace latchkey {

namespace {

using boost::system::error_code;

constexpr std::size_t most_addresses = 16;
constexpr auto one_address = std::chrono::seconds{2};

bool is_address(const std::string& host) {
    in_addr v4{};
    in6_addr v6{};
    return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

bool is_v6(const std::string& address) {
    return address.find(':') != std::string::npos;
}

/// One of each family in turn, beginning with the resolver's favourite, so that a network in which
/// one family leads nowhere costs one attempt (after RFC 8305 section 4).
std::vector<std::string> interleave(const std::vector<std::string>& found) {
    std::vector<std::string> favourite;
    std::vector<std::string> other;
    for (const auto& address : found) {
        (is_v6(address) == is_v6(found.front()) ? favourite : other).push_back(address);
    }
    std::vector<std::string> mixed;
    for (std::size_t i = 0; i < std::max(favourite.size(), other.size()); ++i) {
        if (i < favourite.size()) mixed.push_back(favourite[i]);
        if (i < other.size()) mixed.push_back(other[i]);
    }
    if (mixed.size() > most_addresses) mixed.resize(most_addresses);
    return mixed;
}

Error unreachable(const Origin& to, const std::string& why) {
    return Error{Fault::try_later, "upstream_unreachable",
                 "No connection to " + to.text() + ": " + why + ". Nothing was sent."};
}

Error not_allowed(const Origin& to) {
    return Error{Fault::misconfigured, "address_not_allowed",
                 to.host + " leads to an address that is not public, and " + to.text() +
                     " is not configured as a private origin. Nothing was sent."};
}

}  // namespace

Dialler::Dialler(const NetOptions& options, Clock& clock)
    : options_(options), clock_(clock), system_(clock) {}

const Result<TlsContext>& Dialler::tls() {
    std::call_once(tls_made_, [this] { tls_ = TlsContext::client(options_.extra_ca_file); });
    return *tls_;
}

bool Dialler::is_private(const Origin& to) const {
    return std::find(options_.private_origins.begin(), options_.private_origins.end(), to) !=
           options_.private_origins.end();
}

Task<std::vector<std::string>> Dialler::addresses(const Origin& to, Deadline by) {
    if (is_address(to.host)) co_return std::vector<std::string>(1, to.host);
    Resolver& resolver = options_.resolver ? *options_.resolver : system_;
    auto found = co_await resolver.resolve(to.host, by);
    if (!found) co_return found.error();
    co_return interleave(*found);
}

Task<std::unique_ptr<Socket>> Dialler::connect(Origin to, bool anywhere, Deadline by) {
    auto found = co_await addresses(to, by);
    if (!found) co_return found.error();
    const Executor on = co_await boost::asio::this_coro::executor;
    std::unique_ptr<Socket> socket;
    bool tried = false;
    std::string why = "it has no address";
    for (const auto& address : *found) {
        if (!anywhere && !is_public_address(address)) continue;
        tried = true;
        if (by.passed(clock_.steady())) {
            why = "no time is left";
            break;
        }
        auto attempt = make_socket(on);
        Watch watch{clock_, on};
        watch.at(by.sooner(clock_.steady() + one_address).at, [&attempt] { attempt->reset(); });
        error_code failed;
        if (!watch.fired()) {
            co_await attempt->connect(address, to.port, options_.bind_address, failed);
        }
        watch.stop();
        if (!failed && !watch.fired()) {
            socket = std::move(attempt);
            break;
        }
        why = watch.fired() ? "connecting took too long" : failed.message();
        if (failed == boost::asio::error::operation_aborted && !watch.fired()) break;  // cancelled
    }
    if (!socket && !tried && !found->empty()) co_return not_allowed(to);
    if (!socket) co_return unreachable(to, why);
    // The look at what was really connected to: the kernel's word, not the resolver's.
    if (!anywhere && !is_public_address(socket->peer())) {
        socket->reset();
        co_return not_allowed(to);
    }
    co_return socket;
}

Task<std::unique_ptr<Socket>> Dialler::connect_through(const EgressProxy& proxy, Origin to,
                                                       Deadline by) {
    // Where the proxy is, the operator has said.
    auto socket = co_await connect(proxy.at, true, by);
    if (!socket) co_return socket.error();
    Watch watch{clock_, co_await boost::asio::this_coro::executor};
    watch.at(by.at, [&socket] { (*socket)->reset(); });
    auto opened = co_await open_tunnel(**socket, proxy, to);
    watch.stop();
    if (!opened) co_return opened.error();
    co_return std::move(*socket);
}

Task<void> Dialler::shake_hands(Socket& socket, Origin to, Deadline by) {
    auto engine = TlsEngine::client(*tls(), to.host);
    Watch watch{clock_, co_await boost::asio::this_coro::executor};
    watch.at(by.sooner(clock_.steady() + options_.limits.tls_handshake).at,
             [&socket] { socket.reset(); });
    error_code failed;
    std::string why;
    co_await socket.handshake(std::move(engine), why, failed);
    watch.stop();
    if (failed == boost::system::errc::protocol_error) {
        co_return Error{Fault::misconfigured, "tls_failed",
                        "TLS with " + to.text() + " failed: " + why +
                            ". Nothing was sent. Check the host name, the server's certificate "
                            "and the configured certificate authorities."};
    }
    if (watch.fired()) co_return unreachable(to, "the TLS handshake took too long");
    if (failed) co_return unreachable(to, "the TLS handshake ended: " + failed.message());
    co_return Result<void>{};
}

Task<std::unique_ptr<Socket>> Dialler::dial(Origin to, Deadline by) {
    const bool anywhere = is_private(to);
    if (!to.tls && !anywhere) {
        co_return Error{Fault::misconfigured, "plain_http_not_allowed",
                        to.text() +
                            " would be reached without TLS. Only an origin configured as "
                            "private may be; use https."};
    }
    if (to.tls && !tls()) co_return tls().error();

    const Deadline connect_by = by.sooner(clock_.steady() + options_.limits.resolve_and_connect);
    const bool through = options_.proxy && !anywhere;
    auto connecting = through ? connect_through(*options_.proxy, to, connect_by)
                              : connect(to, anywhere, connect_by);
    auto socket = co_await std::move(connecting);
    if (!socket) co_return socket.error();
    if (to.tls) {
        auto shaken = co_await shake_hands(**socket, to, by);
        if (!shaken) co_return shaken.error();
    }
    co_return std::move(*socket);
}

}  // namespace latchkey
