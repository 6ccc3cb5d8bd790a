#include "store/journal/segment.h"

#include <doctest/doctest.h>

#include "store/journal/crc32c.h"

using namespace latchkey;
using namespace latchkey::journal;

namespace {

JournalRecord record(const std::string& answer) {
    JournalRecord noted;
    noted.key = GrantKey{ConnectionId{"cn_1"}, Epoch{3}};
    noted.grant_generation = GrantGeneration{4};
    noted.generation = Generation{5};
    noted.attempt = AttemptId{"attempt"};
    noted.timeline = Timeline{"7"};
    noted.at = WallTime{std::chrono::seconds{1234}};
    noted.answer = Sealed{answer};
    return noted;
}

/// A segment of some answers, each synced before the next was written.
std::string segment_of_answers(std::uint64_t number, int answers) {
    SegmentHeader header;
    header.number = number;
    header.installation = "installation";
    header.node = NodeId{"node"};
    auto bytes = print(header);
    for (int i = 1; i <= answers; ++i)
        bytes += print_frame(number, 1, i, bytes.size(),
                             print_answer(record("answer " + std::to_string(i))));
    return bytes;
}

}  // namespace

TEST_CASE("the checksum is the one of RFC 3720, in one piece or in several") {
    CHECK(crc32c("123456789") == 0xe3069283);
    CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
    CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
    CHECK(crc32c("6789", crc32c("12345")) == 0xe3069283);
}

TEST_CASE("a header comes back, also where one of its two copies is damaged") {
    const auto bytes = segment_of_answers(9, 0);
    REQUIRE(bytes.size() == frames_begin);
    CHECK(read_header(bytes).whole);
    CHECK(read_header(bytes).header->node == NodeId{"node"});
    for (const std::size_t at : {std::size_t{20}, frames_begin / 2 + 20}) {
        auto damaged = bytes;
        damaged[at] ^= 1;
        CHECK_FALSE(read_header(damaged).whole);
        CHECK(read_header(damaged).header->number == 9);
    }
    CHECK_FALSE(read_header("").header.has_value());
}

TEST_CASE("I16: of every flipped byte the scan loses the one frame that it lies in, and no other") {
    const auto bytes = segment_of_answers(3, 4);
    const auto whole = scan(bytes, 3);
    REQUIRE(whole.frames.size() == 4);
    CHECK_FALSE(whole.damaged());
    for (std::size_t at = frames_begin; at < bytes.size(); ++at) {
        auto flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x40);
        const auto found = scan(flipped, 3);
        CAPTURE(at);
        REQUIRE(found.frames.size() == 3);
        for (const auto& frame : found.frames) CHECK((at < frame.offset || at >= frame.end));
        // The last frame may be what a power cut tore; all before it was on the disk.
        CHECK(found.damaged() == (at < whole.frames[3].offset));
    }
}

TEST_CASE("I16: at every length the intact frames are found, and a cut one is a tail") {
    const auto bytes = segment_of_answers(3, 3);
    const auto whole = scan(bytes, 3);
    for (std::size_t size = frames_begin; size <= bytes.size(); ++size) {
        const auto found = scan(std::string_view{bytes}.substr(0, size), 3);
        std::size_t intact = 0;
        for (const auto& frame : whole.frames) intact += frame.end <= size ? 1 : 0;
        CHECK(found.frames.size() == intact);
        CHECK_FALSE(found.damaged());
    }
}

TEST_CASE("frames of one unsynced write may be torn in the middle without being damage") {
    auto bytes = segment_of_answers(3, 1);
    const auto synced = bytes.size();
    const auto second = print_frame(3, 1, 2, synced, print_answer(record("two")));
    const auto third = print_frame(3, 1, 3, synced, print_answer(record("three")));
    bytes += std::string(second.size(), '\0') + third;
    const auto found = scan(bytes, 3);
    REQUIRE(found.frames.size() == 2);
    CHECK(found.frames[1].number == 3);
    CHECK(found.rubbish == std::vector<Range>{{synced, synced + second.size()}});
    CHECK_FALSE(found.damaged());
    CHECK(found.damaged(synced + 8));  // the next segment's header knows better
}

TEST_CASE("a frame of another segment is none, and zeros behind the last are unwritten room") {
    const auto bytes = segment_of_answers(3, 2) + std::string(5000, '\0');
    CHECK(scan(bytes, 4).frames.empty());
    CHECK(scan(bytes, 3).rubbish.empty());
}

TEST_CASE("only names of the one form are segments") {
    CHECK(segment_name(42) == "0000000042.journal");
    CHECK(segment_of("0000000042.journal") == 42);
    for (const char* name : {"42.journal", "0000000000.journal", "000000004x.journal", "lock",
                             "0000000042.journal.part", "0000000042.journal.damaged"})
        CHECK_FALSE(segment_of(name).has_value());
}
