#include <string>

#include <openssl/ssl.h>

#include <doctest/doctest.h>

#include "net/client_bench.h"
#include "tests/support/certificates.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

const Origin salesforce{true, "login.salesforce.com", 443};

/// What stands at the far end of the tunnel: a server of TLS that answers one request.
void answer_behind(RawSocket& socket, const Certificates::Files& files) {
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context{SSL_CTX_new(TLS_server_method()),
                                                         &SSL_CTX_free};
    SSL_CTX_use_certificate_chain_file(context.get(), files.certificate_file.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM);
    std::unique_ptr<SSL, void (*)(SSL*)> ssl{SSL_new(context.get()), &SSL_free};
    SSL_set_fd(ssl.get(), socket.fd());
    if (SSL_accept(ssl.get()) != 1) return;
    char bytes[4096];
    SSL_read(ssl.get(), bytes, sizeof bytes);
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbehind";
    SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
}

struct Proxied {
    Certificates authority;
    std::string head;  ///< what the proxy was asked

    Certificates::Files certificate() {
        Certificates::Wish wish;
        wish.names = "DNS:login.salesforce.com";
        return authority.issue(wish);
    }
    NetOptions through(const ScriptedServer& proxy, std::optional<Secret> login = std::nullopt) {
        NetOptions options = patient();
        options.extra_ca_file = authority.ca_file();
        EgressProxy egress;
        egress.at = proxy.origin();
        egress.login = std::move(login);
        options.proxy = std::move(egress);
        return options;
    }
    /// How a call ends whose proxy says this.
    Error refused(const std::string& answer) {
        ScriptedServer proxy{ScriptedServer::answering(answer)};
        ClientBench client{salesforce, through(proxy), ClientBench::Reach::only_public};
        const auto got = client.get();
        REQUIRE_FALSE(got.has_value());
        return got.error();
    }
};

}  // namespace

TEST_CASE_FIXTURE(Proxied,
                  "a public origin is reached through the egress proxy, with TLS to the origin") {
    const auto files = certificate();
    ScriptedServer proxy{[&](RawSocket& socket) {
        head = socket.read_until("\r\n\r\n");
        socket.send("HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n");
        answer_behind(socket, files);
    }};
    ClientBench client{salesforce, through(proxy), ClientBench::Reach::only_public};
    const auto answer = client.get();
    REQUIRE(answer.has_value());
    CHECK(answer->body == "behind");
    CHECK(head ==
          "CONNECT login.salesforce.com:443 HTTP/1.1\r\nHost: login.salesforce.com:443\r\n\r\n");
}

TEST_CASE_FIXTURE(Proxied,
                  "the egress proxy gets its login, and a certificate of another host is refused") {
    const auto wrong = authority.issue(Certificates::Wish{});
    ScriptedServer proxy{[&](RawSocket& socket) {
        head = socket.read_until("\r\n\r\n");
        // In pieces, as networks deliver.
        socket.send("HTTP/1.0 200 \r\n");
        socket.send("\r\n");
        answer_behind(socket, wrong);
    }};
    ClientBench client{salesforce, through(proxy, Secret{"user:pass word"}),
                       ClientBench::Reach::only_public};
    const auto answer = client.get();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == "tls_failed");
    CHECK(head.find("Proxy-Authorization: Basic dXNlcjpwYXNzIHdvcmQ=\r\n") != std::string::npos);
}

TEST_CASE_FIXTURE(
    Proxied, "K8: what an egress proxy refuses is the operator's to mend, and shows no login") {
    for (const char* status : {"407 Proxy Authentication Required", "403 Forbidden", "405 No"}) {
        const auto error =
            refused(std::string{"HTTP/1.1 "} + status + "\r\nContent-Length: 0\r\n\r\n");
        CHECK(error.fault == Fault::misconfigured);
        CHECK(error.code == "egress_proxy_refused");
        CHECK(error.message.find(std::string{status}.substr(0, 3)) != std::string::npos);
    }
}

TEST_CASE_FIXTURE(Proxied,
                  "K8: an egress proxy that fails, babbles or goes away is tried again later") {
    for (const auto& answer :
         {std::string{"HTTP/1.1 502 Bad Gateway\r\n\r\n"},
          std::string{"HTTP/1.1 100 Continue\r\n\r\n"}, std::string{"SSH-2.0-OpenSSH\r\n\r\n"},
          std::string{"HTTP/1.1 20"}, std::string{"HTTP/1.1 200 OK\r\n\r\nand more"},
          "HTTP/1.1 200 OK\r\nX: " + std::string(20000, 'x'), std::string{}}) {
        CAPTURE(answer.substr(0, 40));
        const auto error = refused(answer);
        CHECK(error.fault == Fault::try_later);
        CHECK(error.code == "egress_proxy_failed");
    }
}

TEST_CASE_FIXTURE(Proxied, "K8: an egress proxy whose 200 comes too late finds nobody to use it") {
    std::string after;
    ScriptedServer proxy{[&](RawSocket& socket) {
        socket.read_until("\r\n\r\n");
        after = socket.read();  // until the client is gone
        socket.send("HTTP/1.1 200 Connection established\r\n\r\n");
        after += socket.read();
    }};
    auto options = through(proxy);
    options.limits.resolve_and_connect = std::chrono::milliseconds{200};
    ClientBench client{salesforce, options, ClientBench::Reach::only_public};
    const auto answer = client.get();
    proxy.join();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == "egress_proxy_failed");
    CHECK(after.empty());
}

TEST_CASE_FIXTURE(Proxied,
                  "K8: without TLS behind the tunnel there is no line to send a token on") {
    // Whoever spends a refresh token dials first and claims it then: an error here costs nothing.
    for (const bool cut : {true, false}) {
        CAPTURE(cut);
        ScriptedServer proxy{[&](RawSocket& socket) {
            socket.read_until("\r\n\r\n");
            socket.send("HTTP/1.1 200 Connection established\r\n\r\n");
            socket.read();  // the client's hello
            if (cut)
                socket.reset();
            else
                socket.read();  // until the client is gone
        }};
        auto options = through(proxy);
        if (!cut) options.limits.tls_handshake = std::chrono::milliseconds{200};
        ClientBench client{salesforce, options, ClientBench::Reach::only_public};
        const auto line = client.dial();
        REQUIRE_FALSE(line.has_value());
        CHECK(line.error().fault == Fault::try_later);
        CHECK(line.error().code == "upstream_unreachable");
    }
}

TEST_CASE_FIXTURE(Proxied, "a private origin is reached without the egress proxy") {
    ScriptedServer nobody{[](RawSocket&) {}, 0};
    ScriptedServer here{
        ScriptedServer::answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere")};
    ClientBench client{here.origin(), through(nobody)};
    CHECK(client.get()->body == "here");
}

TEST_CASE_FIXTURE(Proxied, "outgoing connections come from the address that was chosen") {
    std::string from;
    ScriptedServer here{[&](RawSocket& socket) {
        from = socket.peer();
        ScriptedServer::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(socket);
    }};
    auto options = patient();
    options.bind_address = "127.0.0.77";
    ClientBench client{here.origin(), options};
    CHECK(client.get().has_value());
    CHECK(from == "127.0.0.77");
}
