#include "service/patient_writer.h"

#include <array>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

using latchkey::service::PatientWriter;
using namespace std::chrono_literals;

namespace {

/// Two connected descriptors: what is written to `in` comes out of `out`.
struct Ends {
    explicit Ends(bool sockets) {
        std::array<int, 2> both{};
        REQUIRE((sockets ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, both.data())
                         : ::pipe(both.data())) == 0);
        out = both[0];
        in = both[1];
    }
    ~Ends() {
        ::close(in);
        ::close(out);
    }
    std::string read(std::size_t bytes) const {
        std::string all(bytes, '\0');
        std::size_t at = 0;
        while (at < bytes) {
            const auto got = ::read(out, all.data() + at, bytes - at);
            if (got <= 0) break;
            at += static_cast<std::size_t>(got);
        }
        all.resize(at);
        return all;
    }
    int in = -1;
    int out = -1;
};

}  // namespace

TEST_CASE("L9: what is written comes whole, however slowly it is read") {
    for (const bool sockets : {false, true}) {
        CAPTURE(sockets);
        const Ends ends{sockets};
        std::string text;
        for (int i = 0; text.size() < 2'000'000; ++i) text += std::to_string(i) + "\n";
        PatientWriter writer{ends.in};
        std::thread other{[&] { writer.write(text); }};
        CHECK(ends.read(text.size()) == text);
        other.join();
    }
}

TEST_CASE("L9: a reader who never reads is given up when it is time") {
    for (const bool sockets : {false, true}) {
        CAPTURE(sockets);
        const Ends ends{sockets};
        PatientWriter writer{ends.in};
        std::thread other{[&] { writer.write(std::string(2'000'000, 'x')); }};
        writer.give_up_at(std::chrono::steady_clock::now() + 50ms);
        other.join();
        // What there is room for is written even then.
        CHECK(ends.read(1000) == std::string(1000, 'x'));
    }
}
