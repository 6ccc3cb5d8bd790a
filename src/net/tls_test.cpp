#include "net/tls.h"

#include <array>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/certificates.h"

using namespace latchkey;
using latchkey::test::Certificates;

namespace {

/// What is fed stays where it is, here to the end of the program.
void pass_on(TlsEngine& from, TlsEngine& to) {
    static std::deque<std::string> passed;
    const std::string& sealed = passed.emplace_back(from.outgoing());
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
    static void replace(const Certificates::Files& old, const Certificates::Files& by) {
        std::filesystem::rename(by.certificate_file, old.certificate_file);
        std::filesystem::rename(by.key_file, old.key_file);
    }
    /// Whether a new connection's handshake succeeds.
    bool joins() const {
        auto caller = TlsEngine::client(client, "localhost");
        auto answerer = TlsEngine::server(server);
        return join(*caller, *answerer);
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

TEST_CASE("records that come together are read together, and what does not fit is kept") {
    Both both;
    auto caller = TlsEngine::client(both.client, "localhost");
    auto answerer = TlsEngine::server(both.server);
    REQUIRE(join(*caller, *answerer));
    for (const auto* word : {"one ", "two ", "three "}) {
        std::size_t taken = 0;
        REQUIRE(caller->write(word, taken) == TlsEngine::Step::done);
    }
    caller->say_goodbye();
    pass_on(*caller, *answerer);

    std::array<char, 10> few{};
    std::size_t got = 0;
    CHECK(answerer->read(few, got) == TlsEngine::Step::done);
    CHECK(std::string_view{few.data(), got} == "one two th");
    CHECK(answerer->read(few, got) == TlsEngine::Step::done);
    CHECK(std::string_view{few.data(), got} == "ree ");
    // The end came with them, and is told when they have been.
    CHECK(answerer->read(few, got) == TlsEngine::Step::ended);
    CHECK(answerer->read(few, got) == TlsEngine::Step::ended);
}

TEST_CASE(
    "a record that was changed on the way breaks the connection, behind what came before it") {
    Both both;
    auto caller = TlsEngine::client(both.client, "localhost");
    auto answerer = TlsEngine::server(both.server);
    REQUIRE(join(*caller, *answerer));
    std::size_t taken = 0;
    REQUIRE(caller->write("whole", taken) == TlsEngine::Step::done);
    const auto first = caller->outgoing().size();
    REQUIRE(caller->write("changed", taken) == TlsEngine::Step::done);
    std::string sealed{caller->outgoing()};
    sealed[first + 8] ^= 1;
    answerer->feed(sealed);

    std::array<char, 64> room{};
    std::size_t got = 0;
    CHECK(answerer->read(room, got) == TlsEngine::Step::done);
    CHECK(std::string_view{room.data(), got} == "whole");
    CHECK(answerer->read(room, got) == TlsEngine::Step::failed);
    CHECK_FALSE(answerer->why().empty());
    CHECK(answerer->read(room, got) == TlsEngine::Step::failed);
}

TEST_CASE("M4: a renewed certificate is taken up by the next connection, and reported once") {
    Both both;
    const Certificates::Files files = both.authority.issue();
    both.server = TlsContext::server(Both::files(files)).value();
    auto earlier = TlsEngine::client(both.client, "localhost");
    auto answerer = TlsEngine::server(both.server);
    REQUIRE(join(*earlier, *answerer));
    CHECK_FALSE(both.server.news());

    Certificates other;
    both.replace(files, other.issue());
    CHECK_FALSE(both.joins());
    both.client = TlsContext::client(other.ca_file()).value();
    CHECK(both.joins());
    const auto news = both.server.news();
    REQUIRE(news);
    CHECK(news->has_value());
    CHECK_FALSE(both.server.news());
    // The connection that was there goes on with what it has.
    std::size_t taken = 0;
    std::array<char, 5> came{};
    std::size_t got = 0;
    REQUIRE(earlier->write("hello", taken) == TlsEngine::Step::done);
    pass_on(*earlier, *answerer);
    CHECK(answerer->read(came, got) == TlsEngine::Step::done);
    CHECK(got == 5);
}

TEST_CASE("M2: a certificate that cannot be used leaves the old one, and is reported once") {
    Both both;
    const Certificates::Files files = both.authority.issue();
    both.server = TlsContext::server(Both::files(files)).value();
    const auto key_of_another = both.authority.issue().key_file;

    std::ofstream{files.certificate_file} << "-----BEGIN CERTIFICATE-----\n";
    CHECK(both.joins());
    const auto cut = both.server.news();
    REQUIRE(cut);
    CHECK(cut->error().code == "tls_files");
    CHECK(cut->error().message.find(files.certificate_file) != std::string::npos);
    CHECK(both.joins());
    CHECK_FALSE(both.server.news());

    std::filesystem::remove(files.key_file);
    CHECK(both.joins());
    CHECK(both.server.news()->error().code == "tls_files");

    both.replace(files, both.authority.issue());
    std::filesystem::copy_file(key_of_another, files.key_file,
                               std::filesystem::copy_options::overwrite_existing);
    CHECK(both.joins());
    CHECK(both.server.news()->error().code == "tls_files");

    both.replace(files, both.authority.issue());
    CHECK(both.joins());
    CHECK(both.server.news()->has_value());
}
