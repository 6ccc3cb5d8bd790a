#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

JournalRecord record(const std::string& answer) {
    JournalRecord noted;
    noted.key = key_of("cn_1", 3);
    noted.grant_generation = GrantGeneration{4};
    noted.generation = Generation{5};
    noted.attempt = AttemptId{"attempt"};
    noted.flow = FlowId{"flow"};
    noted.timeline = Timeline{"7"};
    noted.answer = Sealed{answer};
    noted.at = WallTime{std::chrono::seconds{99}};
    return noted;
}

}  // namespace

TEST_CASE_TEMPLATE("a journal record comes back as it was noted, with a number", Bench, MemoryBench,
                   FileBench) {
    Bench bench;
    const auto given = record(std::string("an\0swer", 7));
    const auto number = bench.ok(bench.journal.append(given, bench.by()));
    const auto all = bench.ok(bench.journal.read(0, 10, bench.by()));
    REQUIRE(all.size() == 1);
    CHECK(all[0].number == number);
    CHECK(all[0].key == given.key);
    CHECK(all[0].grant_generation == given.grant_generation);
    CHECK(all[0].generation == given.generation);
    CHECK(all[0].attempt == given.attempt);
    CHECK(all[0].flow == given.flow);
    CHECK(all[0].timeline == given.timeline);
    CHECK(all[0].answer == given.answer);
    CHECK(all[0].at == given.at);
    CHECK_FALSE(all[0].closed);
}

TEST_CASE_TEMPLATE("records are read in order, a page at a time", Bench, MemoryBench, FileBench) {
    Bench bench;
    for (const char* answer : {"a", "b", "c"})
        bench.ok(bench.journal.append(record(answer), bench.by()));
    const auto first = bench.ok(bench.journal.read(0, 2, bench.by()));
    REQUIRE(first.size() == 2);
    CHECK(first[0].answer == Sealed{"a"});
    const auto rest = bench.ok(bench.journal.read(first[1].number, 2, bench.by()));
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].answer == Sealed{"c"});
}

TEST_CASE_TEMPLATE("a closed record stays readable until it is pruned, an open one for ever", Bench,
                   MemoryBench, FileBench) {
    Bench bench;
    const auto closed = bench.ok(bench.journal.append(record("closed"), bench.by()));
    const auto open = bench.ok(bench.journal.append(record("open"), bench.by()));
    bench.done(bench.journal.close(closed, bench.by()));
    const auto then = bench.clock.wall();
    bench.clock.advance(std::chrono::hours{24 * 14});
    bench.done(bench.journal.close(closed, bench.by()));  // the first close counts
    bench.done(bench.journal.close(12345, bench.by()));

    CHECK(bench.ok(bench.journal.prune(then, bench.by())) == 0);
    const auto both = bench.ok(bench.journal.read(0, 10, bench.by()));
    REQUIRE(both.size() == 2);
    CHECK(both[0].closed);
    CHECK_FALSE(both[1].closed);

    CHECK(bench.ok(bench.journal.prune(then + std::chrono::seconds{1}, bench.by())) == 1);
    const auto left = bench.ok(bench.journal.read(0, 10, bench.by()));
    REQUIRE(left.size() == 1);
    CHECK(left[0].number == open);
}

TEST_CASE_TEMPLATE("a number is never used again", Bench, MemoryBench, FileBench) {
    Bench bench;
    const auto first = bench.ok(bench.journal.append(record("a"), bench.by()));
    bench.done(bench.journal.close(first, bench.by()));
    bench.clock.advance(std::chrono::seconds{2});
    CHECK(bench.ok(bench.journal.prune(bench.clock.wall(), bench.by())) == 1);
    CHECK(bench.ok(bench.journal.append(record("b"), bench.by())) > first);
}

TEST_CASE_TEMPLATE("a full journal says so before the claim, and writes nothing more", Bench,
                   MemoryBench, FileBench) {
    Bench bench;
    auto& journal = bench.journal;
    bench.ok(journal.reserve(10'000, bench.by()));
    CHECK(bench.refusal(journal.reserve(10'001, bench.by())) == "try_later journal_full");

    const auto number = bench.ok(journal.append(record(std::string(9'000, 'x')), bench.by()));
    CHECK(bench.refusal(journal.reserve(1'001, bench.by())) == "try_later journal_full");
    CHECK(bench.refusal(journal.append(record(std::string(1'001, 'x')), bench.by())) ==
          "try_later journal_full");
    CHECK(bench.ok(journal.read(0, 10, bench.by())).size() == 1);

    bench.done(journal.close(number, bench.by()));
    bench.clock.advance(std::chrono::seconds{2});
    CHECK(bench.ok(journal.prune(bench.clock.wall(), bench.by())) == 1);
    bench.ok(journal.reserve(10'000, bench.by()));
}

TEST_CASE_TEMPLATE("room that somebody holds is nobody else's until it is let go", Bench,
                   MemoryBench, FileBench) {
    Bench bench;
    auto& journal = bench.journal;
    {
        const auto held = bench.ok(journal.reserve(6'000, bench.by()));
        CHECK(bench.refusal(journal.reserve(6'000, bench.by())) == "try_later journal_full");
        // The holder's own answer finds room, of course.
        bench.ok(journal.append(record(std::string(6'000, 'x')), bench.by()));
    }
    bench.ok(journal.reserve(4'000, bench.by()));
    CHECK(bench.refusal(journal.reserve(4'001, bench.by())) == "try_later journal_full");
}
