#include <doctest/doctest.h>

#include "refresh/refresh_bench.h"
#include "refresh/shared_reads.h"

using namespace latchkey;
using namespace std::chrono_literals;
using latchkey::test::Bench;

// Many who ask for the same row at once.

namespace {

/// Reads that end when the test lets them, and say which of them it was.
struct Reading : Bench {
    int begun = 0;
    int broken = 0;  ///< the number of the read that breaks off
    std::shared_ptr<Event> go = std::make_shared<Event>(loop);
    std::shared_ptr<int> owner = std::make_shared<int>();
    SharedReads reads{loop, clock, 5s,
                      [this](ConnectionId who, Deadline by) { return read(this, who, by); }};

    using Asked = std::shared_ptr<std::optional<Result<Grant>>>;

    static Task<Grant> read(Reading* self, ConnectionId who, Deadline) {
        const int number = ++self->begun;
        auto go = self->go;
        co_await go->wait();
        if (number == self->broken) throw std::runtime_error("out of memory");
        Grant grant;
        grant.row.key.connection = who;
        grant.row.generation = Generation{number};
        co_return grant;
    }

    Asked ask(const char* who = "cn_ada", std::chrono::milliseconds wait = 5s) {
        auto asked = begin(reads.get(owner, ConnectionId{who}, clock.in(wait)));
        settle();
        return asked;
    }
    /// All reads that are under way end; what begins now waits again.
    void let_go() {
        auto former = std::exchange(go, std::make_shared<Event>(loop));
        former->set();
        settle();
    }
    static std::string heard(const Asked& asked) {
        if (!*asked) return "nothing yet";
        if ((*asked)->has_error()) return (*asked)->error().code;
        return "read " + std::to_string((**asked)->row.generation.value);
    }
};

}  // namespace

TEST_CASE_FIXTURE(Reading, "L2: ten thousand who ask for one row make two reads of it") {
    auto first = ask();
    std::vector<Asked> others;
    for (int i = 1; i < 10000; ++i)
        others.push_back(begin(reads.get(owner, ConnectionId{"cn_ada"}, clock.in(5s))));
    settle();
    CHECK(begun == 1);
    let_go();
    CHECK(heard(first) == "read 1");
    CHECK(heard(others.front()) == "nothing yet");
    let_go();
    CHECK(begun == 2);
    for (const auto& one : others) REQUIRE(heard(one) == "read 2");
    CHECK(reads.size() == 0);
}

TEST_CASE_FIXTURE(Reading, "nobody is given what was read before he asked") {
    auto first = ask();
    auto second = ask();
    let_go();
    // The second read is under way: it may have seen the row before this one asks.
    auto third = ask();
    let_go();
    CHECK(heard(first) == "read 1");
    CHECK(heard(second) == "read 2");
    CHECK(heard(third) == "nothing yet");
    let_go();
    CHECK(heard(third) == "read 3");
}

TEST_CASE_FIXTURE(Reading, "rows of several connections are read side by side") {
    auto ada = ask("cn_ada");
    auto bob = ask("cn_bob");
    CHECK(begun == 2);
    let_go();
    CHECK(heard(ada) == "read 1");
    CHECK(heard(bob) == "read 2");
}

TEST_CASE_FIXTURE(Reading,
                  "whoever waits for a shared read waits no longer than his own deadline") {
    auto first = ask();
    auto hasty = ask("cn_ada", 1s);
    auto patient = ask();
    pass(1s);
    CHECK(heard(hasty) == "storage_unavailable");
    let_go();
    let_go();
    CHECK(heard(first) == "read 1");
    CHECK(heard(patient) == "read 2");
}

TEST_CASE_FIXTURE(Reading, "those who shared a read that broke off read again") {
    broken = 2;
    auto first = ask();
    auto second = ask();
    auto third = ask();
    let_go();
    let_go();
    CHECK(heard(first) == "read 1");
    let_go();
    let_go();
    CHECK(heard(second) == "read 3");
    CHECK(heard(third) == "read 4");
    CHECK(reads.size() == 0);
}
