#include <chrono>
#include <csignal>

#include <openssl/ssl.h>

#include <doctest/doctest.h>

#include "net/client_bench.h"
#include "net/server_bench.h"
#include "tests/support/certificates.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

/// The server's side of TLS on a blocking socket, with settings that our own server would refuse.
class RawTls {
public:
    RawTls(const Certificates::Files& files, int most_version)
        : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free), ssl_(nullptr, &SSL_free) {
        SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
        SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context_.get(), most_version);
        SSL_CTX_use_certificate_chain_file(context_.get(), files.certificate_file.c_str());
        SSL_CTX_use_PrivateKey_file(context_.get(), files.key_file.c_str(), SSL_FILETYPE_PEM);
        ssl_.reset(SSL_new(context_.get()));
    }
    bool accept(RawSocket& socket) {
        SSL_set_fd(ssl_.get(), socket.fd());
        return SSL_accept(ssl_.get()) == 1;
    }
    std::string read() {
        char bytes[4096];
        const int n = SSL_read(ssl_.get(), bytes, sizeof bytes);
        return n > 0 ? std::string(bytes, static_cast<std::size_t>(n)) : std::string{};
    }
    void write(std::string_view bytes) {
        SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    }
    void say_goodbye() { SSL_shutdown(ssl_.get()); }
    SSL* get() { return ssl_.get(); }

private:
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
    std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
};

ServerTls tls(const Certificates::Files& files) {
    return ServerTls{files.certificate_file, files.key_file};
}

NetOptions trusting(const Certificates& authority) {
    NetOptions options = patient();
    options.extra_ca_file = authority.ca_file();
    return options;
}

/// How a refresh ends at a server with this certificate, and that no byte of it was let out.
Error refused_by_client(const Certificates& authority, const Certificates::Files& files,
                        bool trusted = true) {
    ServerBench server{ServerLimits{}, tls(files)};
    ClientBench client{loopback(server.port, true), trusted ? trusting(authority) : patient()};
    const auto answer = client.post_once("a");
    REQUIRE_FALSE(answer.has_value());
    CHECK(server.seen().empty());
    return answer.error();
}

/// What comes of a body without a length, whose end is the end of the connection.
Result<HttpResponse> until_the_end(const Certificates& authority, const Certificates::Files& files,
                                   int version, bool goodbye) {
    ScriptedServer server{[&](RawSocket& socket) {
        RawTls peer{files, version};
        if (!peer.accept(socket)) return;
        (void)peer.read();
        peer.write("HTTP/1.1 200 OK\r\n\r\nsome");
        if (goodbye) peer.say_goodbye();
    }};
    Origin to = server.origin();
    to.tls = true;
    ClientBench client{to, trusting(authority)};
    return client.post_once("a");
}

}  // namespace

TEST_CASE("large bodies pass over TLS in both directions, on one kept connection") {
    Certificates authority;
    ServerBench server{ServerLimits{}, tls(authority.issue())};
    ClientBench client{loopback(server.port, true), trusting(authority)};
    for (const std::size_t size : {1000u * 1000u, 0u, 1u, 16384u, 65536u}) {
        const std::string body(size, 'x');
        const auto answer = client.send(HttpRequest{"PUT", "/", {}, body});
        REQUIRE(answer.has_value());
        CHECK(answer->body == "PUT / [" + body + "]");
    }
    CHECK(server.seen().at(0).tls);
    CHECK(server.seen().at(0).peer == "127.0.0.1");
}

TEST_CASE("a certificate is checked against the name that was asked for") {
    Certificates authority;
    ServerBench server{ServerLimits{}, tls(authority.issue())};
    Origin to = loopback(server.port, true);
    to.host = "localhost";
    ClientBench client{to, trusting(authority)};
    CHECK(client.get().has_value());
}

TEST_CASE("B26: a certificate of another name sends nothing") {
    Certificates authority;
    for (const char* names : {"DNS:login.example", "IP:127.0.0.2", "DNS:127.0.0.1"}) {
        Certificates::Wish wish;
        wish.names = names;
        const auto error = refused_by_client(authority, authority.issue(wish));
        CHECK(error.fault == Fault::misconfigured);
        CHECK(error.code == "tls_failed");
        CHECK(error.message.find("mismatch") != std::string::npos);
    }
}

TEST_CASE("B26: a self-signed certificate, and one of an unknown authority, send nothing") {
    Certificates authority;
    Certificates::Wish wish;
    wish.self_signed = true;
    CHECK(refused_by_client(authority, authority.issue(wish)).code == "tls_failed");
    CHECK(refused_by_client(authority, authority.issue(), false).code == "tls_failed");
}

TEST_CASE("B26: an expired certificate, and one of the future, send nothing") {
    Certificates authority;
    Certificates::Wish expired;
    expired.valid_from = -7200;
    expired.valid_to = -3600;
    const auto error = refused_by_client(authority, authority.issue(expired));
    CHECK(error.code == "tls_failed");
    CHECK(error.message.find("expired") != std::string::npos);
    Certificates::Wish early;
    early.valid_from = 3600;
    CHECK(refused_by_client(authority, authority.issue(early)).code == "tls_failed");
}

TEST_CASE("B26: a server that speaks at most TLS 1.1 gets nothing") {
    Certificates authority;
    const auto files = authority.issue();
    bool shaken = true;
    ScriptedServer server{[&](RawSocket& socket) {
        RawTls peer{files, TLS1_1_VERSION};
        shaken = peer.accept(socket);
    }};
    Origin to = server.origin();
    to.tls = true;
    ClientBench client{to, trusting(authority)};
    const auto answer = client.post_once("a");
    server.join();
    CHECK_FALSE(shaken);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().fault == Fault::misconfigured);
    CHECK(answer.error().code == "tls_failed");
}

TEST_CASE("our server refuses TLS 1.1 and says nothing to it") {
    Certificates authority;
    ServerBench server{ServerLimits{}, tls(authority.issue())};
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context{SSL_CTX_new(TLS_client_method()),
                                                         &SSL_CTX_free};
    SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
    std::unique_ptr<SSL, void (*)(SSL*)> ssl{SSL_new(context.get()), &SSL_free};
    auto socket = RawSocket::connect(server.port);
    SSL_set_fd(ssl.get(), socket.fd());
    CHECK(SSL_connect(ssl.get()) != 1);
    CHECK(server.seen().empty());
}

TEST_CASE("a plain caller of a TLS listener and a TLS caller of a plain one fail cleanly") {
    Certificates authority;
    ServerBench secure{ServerLimits{}, tls(authority.issue())};
    CHECK(secure.exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n").find("200") == std::string::npos);
    CHECK(secure.seen().empty());
    ServerBench plain;
    ClientBench client{loopback(plain.port, true), trusting(authority)};
    const auto answer = client.get();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == "tls_failed");
}

TEST_CASE("K3: a body that ends without close_notify was cut, with it it is whole") {
    Certificates authority;
    const auto files = authority.issue();
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const auto cut = until_the_end(authority, files, version, false);
        REQUIRE(cut.has_value());
        CHECK_FALSE(cut->whole);
        CHECK(cut->body == "some");
        const auto whole = until_the_end(authority, files, version, true);
        REQUIRE(whole.has_value());
        CHECK(whole->whole);
        CHECK(whole->body == "some");
    }
}

TEST_CASE("a server's wish for new keys in the middle of an answer is met") {
    Certificates authority;
    const auto files = authority.issue();
    ScriptedServer server{[&](RawSocket& socket) {
        RawTls peer{files, TLS1_3_VERSION};
        if (!peer.accept(socket)) return;
        (void)peer.read();
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        SSL_key_update(peer.get(), SSL_KEY_UPDATE_REQUESTED);
        peer.write("hi");
        const auto next = peer.read();
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(next.size()) +
                   "\r\n\r\n" + next);
    }};
    Origin to = server.origin();
    to.tls = true;
    ClientBench client{to, trusting(authority)};
    const auto first = client.get();
    REQUIRE(first.has_value());
    CHECK(first->body == "hi");
    const auto second = client.get();
    REQUIRE(second.has_value());
    CHECK(second->body.starts_with("GET /x HTTP/1.1\r\n"));
}

TEST_CASE("a caller who keeps TLS busy with itself is let go") {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to the socket itself
    Certificates authority;
    ServerBench server{ServerLimits{}, tls(authority.issue())};
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context{SSL_CTX_new(TLS_client_method()),
                                                         &SSL_CTX_free};
    std::unique_ptr<SSL, void (*)(SSL*)> ssl{SSL_new(context.get()), &SSL_free};
    auto socket = RawSocket::connect(server.port);
    SSL_set_fd(ssl.get(), socket.fd());
    REQUIRE(SSL_connect(ssl.get()) == 1);
    // Each asks for a new key in return, and none of the answers is read.
    // Long before a caller without a request is let go anyhow.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{7};
    bool taken = true;
    while (taken && std::chrono::steady_clock::now() < until)
        taken = SSL_key_update(ssl.get(), SSL_KEY_UPDATE_REQUESTED) == 1 &&
                SSL_do_handshake(ssl.get()) == 1;
    CHECK_FALSE(taken);
    ClientBench client{loopback(server.port, true), trusting(authority)};
    CHECK(client.post_once("a").has_value());
}

TEST_CASE("a file of authorities that cannot be read is the operator's to fix") {
    NetOptions options = patient();
    options.extra_ca_file = "/nowhere.pem";
    ClientBench client{loopback(1, true), std::move(options)};
    const auto answer = client.get();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().fault == Fault::misconfigured);
    CHECK(answer.error().code == "tls_files");
}
