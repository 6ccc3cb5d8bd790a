#include "facade/check_egress.h"

#include <algorithm>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/udp.hpp>

#include "base/text.h"

namespace latchkey {

namespace {

constexpr std::size_t longest_login = 1000;

Error invalid(std::string message) {
    return {Fault::misconfigured, "invalid_egress", std::move(message)};
}

/// RFC 7617: a user-id without a colon, and no control characters.
bool is_login(std::string_view login) {
    return login.find(':') != std::string_view::npos && login.size() <= longest_login &&
           std::none_of(login.begin(), login.end(), [](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return byte < 0x20 || byte == 0x7f;
           });
}

/// Binding is the kernel's word on it; nothing is sent.
bool is_of_this_machine(const boost::asio::ip::address& address) {
    using Udp = boost::asio::ip::udp;
    boost::asio::io_context nobody;
    boost::system::error_code failed;
    const Udp::endpoint place{address, 0};
    Udp::socket probe{nobody};
    probe.open(place.protocol(), failed);
    if (!failed) probe.bind(place, failed);
    return !failed;
}

}  // namespace

Result<void> check_egress(const Egress& egress) {
    if (!egress.proxy_url.empty()) {
        const auto at = Origin::parse(egress.proxy_url);
        if (!at || at->tls)
            return invalid(
                "The egress proxy must be http://HOST:PORT without a path or a login; "
                "TLS with it is not supported. A login has a setting of its own.");
    }
    if (egress.proxy_login && egress.proxy_url.empty())
        return invalid("There is a login for an egress proxy, but no proxy. Set its URL.");
    if (egress.proxy_login && !is_login(egress.proxy_login->reveal()))
        return invalid(
            "The egress proxy's login must be user:password, at most 1,000 bytes without "
            "control characters.");
    if (egress.source_address.empty()) return {};
    boost::system::error_code failed;
    const auto address = boost::asio::ip::make_address(egress.source_address, failed);
    if (failed || address.is_unspecified() || !is_of_this_machine(address))
        return invalid("The source address " + printable(egress.source_address, 60) +
                       " is not a numeric address of this machine. `ip address` lists them.");
    return {};
}

std::optional<EgressProxy> egress_proxy(const Egress& egress) {
    if (egress.proxy_url.empty()) return std::nullopt;
    const auto at = Origin::parse(egress.proxy_url);
    if (!at) return std::nullopt;
    EgressProxy proxy;
    proxy.at = *at;
    proxy.login = egress.proxy_login;
    return proxy;
}

}  // namespace latchkey
