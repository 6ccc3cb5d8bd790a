#include "net/tls.h"

#include <array>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/certificates.h"

using namespace latchkey;
using latchkey::test::Certificates;

namespace {

void pass_on(TlsEngine& from, TlsEngine& to) {
    const std::string sealed{from.outgoing()};
    from.sent(sealed.size());
    to.feed(sealed);
}

/// Shakes hands and lets both sides read what comes with it, session tickets included.
bool join(TlsEngine& client, TlsEngine& server) {
    std::array<char, 16> none{};
    std::size_t got = 0;
    for (int round = 0; round < 8; ++round) {
        if (client.handshake() == TlsEngine::Step::failed) return false;
        pass_on(client, server);
        if (server.handshake() == TlsEngine::Step::failed) return false;
        pass_on(server, client);
    }
    return server.read(none, got) == TlsEngine::Step::hungry &&
           client.read(none, got) == TlsEngine::Step::hungry;
}

struct Both {
    Certificates authority;
    TlsContext server;
    TlsContext client;
    Both()
        : server(TlsContext::server(files(authority.issue())).value()),
          client(TlsContext::client(authority.ca_file()).value()) {}
    static ServerTls files(const Certificates::Files& made) {
        return ServerTls{made.certificate_file, made.key_file};
    }
    /// Whether a connection to `host` went on with an earlier session.
    bool resumes(const std::string& host) {
        auto caller = TlsEngine::client(client, host);
        auto answerer = TlsEngine::server(server);
        REQUIRE(join(*caller, *answerer));
        const bool resumed = caller->resumed();
        caller->say_goodbye();
        return resumed;
    }
};

}  // namespace

TEST_CASE("a later connection to a host resumes the session of an earlier one") {
    Both both;
    CHECK_FALSE(both.resumes("localhost"));
    CHECK(both.resumes("localhost"));
    CHECK(both.resumes("localhost"));
}

TEST_CASE("a session is never offered for another host than it was verified for") {
    Both both;
    CHECK_FALSE(both.resumes("localhost"));
    CHECK_FALSE(both.resumes("127.0.0.1"));
    CHECK(both.resumes("127.0.0.1"));
}
