#include "net/tunnel.h"

#include <array>
#include <string>
#include <string_view>

#include "base/text.h"

namespace latchkey {

namespace {

using boost::system::error_code;

constexpr std::size_t most_head_bytes = 16 * 1024;
constexpr std::string_view end_of_head = "\r\n\r\n";

/// The port always stands there: a CONNECT has no scheme that could say it.
std::string place_of(const Origin& to) {
    const bool v6 = to.host.find(':') != std::string::npos;
    return (v6 ? "[" + to.host + "]" : to.host) + ":" + std::to_string(to.port);
}

std::string request_for(const EgressProxy& proxy, const Origin& to) {
    const auto place = place_of(to);
    std::string request = "CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n";
    if (proxy.login)
        request += "Proxy-Authorization: Basic " + base64(proxy.login->reveal()) + "\r\n";
    return request + "\r\n";
}

Error failed_at(const EgressProxy& proxy, const Origin& to, const std::string& why) {
    return {Fault::try_later, "egress_proxy_failed",
            "The egress proxy " + proxy.at.text() + " made no way to " + to.text() + ": " + why +
                ". Nothing was sent to it."};
}

Error refused_at(const EgressProxy& proxy, const Origin& to, int status) {
    const char* advice = status == 407
                             ? "it wants a login, or another one; set egress.proxy_login_file"
                             : "it does not allow it; let it connect to this host and port";
    return {Fault::misconfigured, "egress_proxy_refused",
            "The egress proxy " + proxy.at.text() + " refuses a way to " + to.text() + " (status " +
                std::to_string(status) + "): " + advice + ". Nothing was sent to it."};
}

/// The status of "HTTP/1.1 200 anything"; 0 if it is no such line.
int status_of(std::string_view head) {
    if (!head.starts_with("HTTP/1.1 ") && !head.starts_with("HTTP/1.0 ")) return 0;
    const auto digits = head.substr(9, 3);
    const auto number = parse_decimal(digits, 599);
    const char behind = head.size() > 12 ? head[12] : '\0';
    return number && digits.size() == 3 && (behind == ' ' || behind == '\r')
               ? static_cast<int>(*number)
               : 0;
}

}  // namespace

Task<void> open_tunnel(Stream& stream, const EgressProxy& proxy, const Origin& to) {
    std::string request = request_for(proxy, to);
    std::size_t handed = 0;
    error_code failed;
    co_await stream.write(request, handed, failed);
    wipe(request);
    if (failed) co_return failed_at(proxy, to, failed.message());

    std::string head;
    while (!head.ends_with(end_of_head)) {
        // A server of TLS waits for its client, so nothing can stand behind the head yet.
        if (head.find(end_of_head) != std::string::npos)
            co_return failed_at(proxy, to, "something stands behind its answer");
        if (head.size() >= most_head_bytes)
            co_return failed_at(proxy, to, "its answer's head is longer than 16 KiB");
        std::array<char, 2048> bytes;
        const auto got = co_await stream.read_some(bytes, failed);
        if (failed) co_return failed_at(proxy, to, failed.message());
        head.append(bytes.data(), got);
        // Whatever its body is: the connection is of no more use.
        const int status = status_of(head);
        const bool whole = head.find(end_of_head) != std::string::npos;
        if (whole && status >= 400 && status < 500) co_return refused_at(proxy, to, status);
        if (whole && (status < 200 || status >= 300))
            co_return failed_at(proxy, to,
                                status == 0 ? std::string{"it does not speak HTTP/1.1"}
                                            : "status " + std::to_string(status));
    }
    co_return Result<void>{};
}

}  // namespace latchkey
