#include "store/journal/book.h"

#include <set>

#include <doctest/doctest.h>

#include "base/log.h"
#include "store/journal/repair.h"
#include "tests/support/faulty_disk.h"

using namespace latchkey;
using namespace latchkey::journal;
using test::FaultyDisk;

namespace {

const WallTime noon{std::chrono::seconds{43'200}};

struct Bench {
    FaultyDisk disk;
    std::unique_ptr<Disk> handle = disk.handle();
    SystemRandom random;
    NoLog log;
    BookOptions options;
    std::unique_ptr<Book> book;

    Bench() {
        options.installation = "installation";
        options.free_disk_bytes = 0;
        options.segment_bytes = 3000 + frames_begin;
        options.piece_bytes = 2048;
    }
    /// "" or the refusal's code.
    std::string open() {
        book.reset();
        auto opened = Book::open(*handle, options, random, log);
        if (!opened) return opened.error().code;
        book = std::move(*opened);
        return {};
    }
    static JournalRecord record(const std::string& answer) {
        JournalRecord noted;
        noted.key = GrantKey{ConnectionId{"cn_" + answer.substr(0, 4)}, Epoch{1}};
        noted.answer = Sealed{answer};
        return noted;
    }
    /// The number, or the refusal's code.
    Result<std::int64_t> note(const std::string& answer) {
        const auto number = book->stage(record(answer));
        if (!number) return number.error();
        const auto written = book->commit(true);
        if (!written) return written.error();
        return *number;
    }
    void close(std::int64_t number, WallTime at = noon) {
        book->stage_done(number, at);
        REQUIRE(book->commit(false).has_value());
    }
    std::map<std::int64_t, std::string> all() {
        std::map<std::int64_t, std::string> found;
        const auto records = book->read(0, 100'000);
        REQUIRE(records.has_value());
        for (const auto& one : *records) {
            CHECK_FALSE(found.contains(one.number));
            found[one.number] = one.answer.bytes;
        }
        return found;
    }
};

std::string answer_of(int i) {
    return "answer " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 7) * 150, 'x');
}

/// What a node does in its life; what it was told is on the disk goes into `told`, what it asked for
/// into `asked`.
void live(Bench& bench, std::map<std::int64_t, std::string>& told,
          std::map<std::int64_t, std::string>& asked) {
    if (!bench.open().empty()) return;
    for (int i = 0; i < 30; ++i) {
        const auto answer = answer_of(i);
        const auto number = bench.book->stage(Bench::record(answer));
        if (!number) continue;
        asked[*number] = answer;
        if (bench.book->commit(true)) told[*number] = answer;
        if (i % 3 == 0) {
            bench.book->stage_done(*number, noon + std::chrono::seconds{i});
            (void)bench.book->commit(false);
        }
        if (i % 10 == 9) {
            // Forgets nothing that the test counts on, but moves records and removes segments.
            (void)bench.book->prune(noon);
            (void)bench.book->make_room(10'000, 1);
        }
    }
}

}  // namespace

TEST_CASE("what was noted is there after the next start, in order, with its closings") {
    Bench bench;
    REQUIRE(bench.open().empty());
    const auto node = bench.book->node();
    for (int i = 0; i < 20; ++i) CHECK(bench.note(answer_of(i)).value() == i + 1);
    bench.close(3);
    CHECK(bench.book->health().segments > 2);
    REQUIRE(bench.open().empty());
    CHECK(bench.book->node() == node);
    CHECK(bench.all().size() == 20);
    CHECK(bench.all()[20] == answer_of(19));
    CHECK(bench.book->read(2, 1).value().at(0).closed);
    CHECK(bench.book->health().open == 19);
    CHECK(bench.note("next").value() == 21);
}

TEST_CASE(
    "I13, CP15, CP33 to CP35: after a power cut at any moment nothing that was told is missing and "
    "nothing is invented") {
    int moments = 0;
    for (int cut = 0; cut < 400; ++cut) {
        for (const std::size_t block : {std::size_t{512}, std::size_t{4096}}) {
            Bench bench;
            std::map<std::int64_t, std::string> told;
            std::map<std::int64_t, std::string> asked;
            bench.disk.plan.calls_before = cut;
            bool died = false;
            try {
                live(bench, told, asked);
            } catch (const FaultyDisk::PowerCut&) {
                died = true;
            }
            bench.disk.plan = {};
            if (!died) continue;
            ++moments;
            bench.book.reset();
            bench.disk.cut_power(static_cast<std::uint32_t>(cut * 7919 + 1), block);
            CAPTURE(cut);
            CAPTURE(block);
            REQUIRE(bench.open() == "");
            const auto found = bench.all();
            for (const auto& [number, answer] : told) {
                REQUIRE(found.contains(number));
                CHECK(found.at(number) == answer);
            }
            for (const auto& [number, answer] : found) {
                REQUIRE(asked.contains(number));
                CHECK(asked.at(number) == answer);
            }
            // It goes on, and no number is given twice.
            const auto next = bench.note("afterwards");
            REQUIRE(next.has_value());
            if (!told.empty()) CHECK(*next > told.rbegin()->first);
            REQUIRE(bench.open() == "");
            CHECK(bench.all().at(*next) == "afterwards");
        }
    }
    CHECK(moments > 200);
}

TEST_CASE(
    "I10: with the disk full at any call nothing is lost, and it goes on when there is room") {
    for (const bool for_ever : {false, true}) {
        for (int at = 0;; ++at) {
            REQUIRE(at < 1000);
            Bench bench;
            std::map<std::int64_t, std::string> told;
            std::map<std::int64_t, std::string> asked;
            bench.disk.plan.fails_at = at;
            bench.disk.plan.code = ENOSPC;
            bench.disk.plan.for_ever = for_ever;
            live(bench, told, asked);
            const bool failed = bench.disk.plan.failed;
            bench.disk.plan = {};
            if (!failed) break;
            CAPTURE(at);
            REQUIRE(bench.open() == "");
            const auto found = bench.all();
            for (const auto& [number, answer] : told) {
                REQUIRE(found.contains(number));
                CHECK(found.at(number) == answer);
            }
            CHECK(bench.note("there is room again").has_value());
        }
    }
}

TEST_CASE("I10: a full disk refuses before anything is claimed, and takes it when there is room") {
    Bench bench;
    REQUIRE(bench.open().empty());
    bench.disk.plan.fails_at = bench.disk.changes;
    bench.disk.plan.code = ENOSPC;
    CHECK(bench.book->make_room(5 << 20, 1).error().code == "journal_full");
    bench.disk.plan = {};
    CHECK(bench.book->make_room(5 << 20, 1).has_value());
    bench.options.free_disk_bytes = 1000;
    REQUIRE(bench.open().empty());
    bench.disk.free = 1000;
    CHECK(bench.book->make_room(1, 1).error().code == "journal_full");
}

TEST_CASE("a directory that became read-only refuses the room with an error that says so") {
    Bench bench;
    REQUIRE(bench.open().empty());
    bench.disk.plan.fails_at = bench.disk.changes;
    bench.disk.plan.code = EROFS;
    const auto refused = bench.book->make_room(5 << 20, 1);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "journal_read_only");
    CHECK(refused.error().fault == Fault::misconfigured);
}

TEST_CASE("I11: a sync that fails once is not believed: the answer goes to a fresh segment") {
    Bench bench;
    REQUIRE(bench.open().empty());
    const auto first = bench.note("first");
    bench.disk.plan.sync_fails_at = 0;
    const auto second = bench.note("second");
    CHECK(bench.disk.plan.failed);
    REQUIRE(second.has_value());
    CHECK(bench.book->health().disk_failed);
    CHECK(bench.book->health().segments == 2);
    bench.note("third").value();
    CHECK(bench.book->health().segments == 2);
    bench.book.reset();
    bench.disk.cut_power(1, 512);
    REQUIRE(bench.open() == "");
    CHECK(bench.all().size() == 3);
    CHECK(bench.all()[*second] == "second");
    CHECK_FALSE(bench.book->health().disk_failed);
}

TEST_CASE("a disk that fails for ever refuses the answer, and keeps what it had") {
    Bench bench;
    REQUIRE(bench.open().empty());
    bench.note("kept").value();
    bench.disk.plan.fails_at = bench.disk.changes;
    bench.disk.plan.for_ever = true;
    CHECK(bench.note("refused").error().code == "storage_unavailable");
    CHECK(bench.book->health().disk_failed);
    CHECK(bench.all().size() == 1);
}

TEST_CASE("writes that come out short are gone on with") {
    Bench bench;
    bench.disk.plan.most_written = 7;
    REQUIRE(bench.open().empty());
    bench.note("in many pieces").value();
    REQUIRE(bench.open().empty());
    CHECK(bench.all()[1] == "in many pieces");
}

TEST_CASE("old records leave, their segments with them, and open ones stay") {
    Bench bench;
    REQUIRE(bench.open().empty());
    for (int i = 1; i <= 40; ++i) bench.note(answer_of(i)).value();
    const auto before = bench.book->health();
    for (int i = 1; i <= 40; ++i)
        if (i != 5) bench.close(i, noon);
    CHECK(bench.book->prune(noon).value() == 0);
    CHECK(bench.book->prune(noon + std::chrono::seconds{1}).value() == 39);
    CHECK(bench.book->health().segments < before.segments);
    CHECK(bench.all() == std::map<std::int64_t, std::string>{{5, answer_of(5)}});
    REQUIRE(bench.open().empty());
    CHECK(bench.all().at(5) == answer_of(5));
    CHECK_FALSE(bench.book->read(4, 1).value().at(0).closed);
    CHECK(bench.note("later").value() == 41);
}

TEST_CASE("I16: the journal of another node, or of another store, is refused and left as it is") {
    Bench bench;
    REQUIRE(bench.open().empty());
    bench.note("ours").value();
    bench.book.reset();
    const auto names = bench.disk.names();
    bench.options.installation = "another";
    CHECK(bench.open() == "journal_foreign");
    bench.options.installation = "installation";
    bench.options.node = NodeId{"somebody else"};
    CHECK(bench.open() == "journal_foreign");
    CHECK(bench.disk.names() == names);
    bench.options.node = NodeId{};
    CHECK(bench.open().empty());
}

TEST_CASE("I16: a frame of an unknown kind is kept, counted, and in nobody's way") {
    Bench bench;
    REQUIRE(bench.open().empty());
    bench.note("known").value();
    bench.book.reset();
    auto& bytes = bench.disk.bytes(segment_name(1));
    bytes += print_frame(1, 77, 2, bytes.size(), "from a later version");
    bench.disk.settle(segment_name(1));
    REQUIRE(bench.open().empty());
    CHECK(bench.book->health().unknown == 1);
    CHECK(bench.all().size() == 1);
    CHECK(bench.note("next").value() == 3);
    bench.close(1);
    bench.book->prune(noon + std::chrono::hours{1}).value();
    REQUIRE(bench.open().empty());
    CHECK(bench.book->health().unknown == 1);
}

TEST_CASE("I16: damage before the tail stops the start, and the repair keeps every intact record") {
    Bench bench;
    REQUIRE(bench.open().empty());
    for (int i = 0; i < 20; ++i) bench.note(answer_of(i)).value();
    bench.book.reset();
    CHECK(repair(*bench.handle).value().empty());
    auto& bytes = bench.disk.bytes(segment_name(1));
    const auto victim = scan(bytes, 1).frames.at(1);
    const auto lost = victim.number;
    bytes[victim.offset + 40] ^= 1;
    bench.disk.settle(segment_name(1));
    CHECK(bench.open() == "journal_damaged");

    const auto mended = repair(*bench.handle);
    REQUIRE(mended.has_value());
    REQUIRE(mended->size() == 1);
    CHECK(mended->at(0).segment == segment_name(1));
    CHECK(bench.disk.bytes(mended->at(0).set_aside).size() == victim.end - victim.offset);
    REQUIRE(bench.open() == "");
    auto expected = std::map<std::int64_t, std::string>{};
    for (int i = 0; i < 20; ++i)
        if (i + 1 != lost) expected[i + 1] = answer_of(i);
    CHECK(bench.all() == expected);
    CHECK(repair(*bench.handle).value().empty());
}

TEST_CASE("I16: a segment that has lost its header is mended from its neighbour's") {
    Bench bench;
    REQUIRE(bench.open().empty());
    for (int i = 0; i < 20; ++i) bench.note(answer_of(i)).value();
    bench.book.reset();
    auto& bytes = bench.disk.bytes(segment_name(2));
    for (std::size_t i = 0; i < frames_begin; ++i) bytes[i] = 'x';
    bench.disk.settle(segment_name(2));
    CHECK(bench.open() == "journal_damaged");
    CHECK(repair(*bench.handle).value().at(0).header_rebuilt);
    REQUIRE(bench.open() == "");
    CHECK(bench.all().size() == 20);
}

TEST_CASE("a repair that is cut short leaves a journal that can be repaired") {
    for (int cut = 0; cut < 12; ++cut) {
        Bench bench;
        REQUIRE(bench.open().empty());
        for (int i = 0; i < 20; ++i) bench.note(answer_of(i)).value();
        bench.book.reset();
        auto& bytes = bench.disk.bytes(segment_name(1));
        bytes[scan(bytes, 1).frames.at(1).offset + 40] ^= 1;
        bench.disk.settle(segment_name(1));
        bench.disk.plan.calls_before = bench.disk.changes + cut;
        try {
            (void)repair(*bench.handle);
        } catch (const FaultyDisk::PowerCut&) {
        }
        bench.disk.plan = {};
        bench.disk.cut_power(static_cast<std::uint32_t>(cut), 512);
        REQUIRE(repair(*bench.handle).has_value());
        REQUIRE(bench.open() == "");
        CHECK(bench.all().size() == 19);
    }
}
