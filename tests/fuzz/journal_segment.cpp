#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "store/journal/book.h"
#include "store/journal/repair.h"
#include "store/journal/segment.h"
#include "tests/fuzz/judge.h"
#include "tests/support/faulty_disk.h"

using namespace latchkey;
using namespace latchkey::journal;

namespace {

constexpr std::uint64_t number = 1;

class Plain final : public Random {
public:
    void fill(std::span<std::byte> out) override {
        std::fill(out.begin(), out.end(), std::byte{7});
    }
};

/// The fuzzer's bytes, taken from the front; zeros when they are used up.
class Script {
public:
    explicit Script(std::string_view bytes) : rest_(bytes) {}
    bool ended() const { return rest_.empty(); }
    std::string_view text(std::size_t size) {
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(taken.size());
        return taken;
    }
    std::uint64_t value(std::size_t size) {
        std::uint64_t all = 0;
        for (const char c : text(size)) all = all << 8 | static_cast<unsigned char>(c);
        return all;
    }

private:
    std::string_view rest_;
};

SegmentHeader good_header() {
    SegmentHeader header;
    header.number = number;
    header.installation = "installation";
    header.node = NodeId{"node"};
    return header;
}

std::string answer(std::uint64_t size) {
    JournalRecord record;
    record.key.connection = ConnectionId{"cn"};
    record.answer = Sealed{std::string(size, 'a')};
    return print_answer(record);
}

/// The record numbers of all intact answers, each with the payload that counts.
std::map<std::int64_t, std::string> answers_of(const Scan& scanned) {
    std::map<std::int64_t, std::string> found;
    for (const auto& frame : scanned.frames)
        if (frame.kind == static_cast<std::uint32_t>(Kind::answer) && frame.number > 0 &&
            frame.number <= highest_record && read_answer(frame.payload))
            found[frame.number] = std::string{frame.payload};
    return found;
}

/// What is taken for intact is exactly what would have been written, and nothing lies outside of
/// frames and rubbish but zeros at the end.
void judge_scan(std::string_view bytes, const Scan& scanned) {
    std::vector<Range> all = scanned.rubbish;
    for (const auto& frame : scanned.frames) {
        const auto again =
            print_frame(number, frame.kind, frame.number, frame.synced, frame.payload);
        LATCHKEY_HOLDS(again == bytes.substr(frame.offset, frame.end - frame.offset));
        if (const auto record = read_answer(frame.payload))
            LATCHKEY_HOLDS(print_answer(*record) == frame.payload);
        if (const auto done = read_done(frame.payload))
            LATCHKEY_HOLDS(print_done(*done) == frame.payload);
        all.push_back({frame.offset, frame.end});
    }
    std::sort(all.begin(), all.end(),
              [](const Range& a, const Range& b) { return a.begin < b.begin; });
    std::uint64_t at = frames_begin;
    for (const auto& range : all) {
        LATCHKEY_HOLDS(range.begin == at && range.end > at);
        at = range.end;
    }
    LATCHKEY_HOLDS(at >= bytes.size() ||
                   bytes.substr(at).find_first_not_of('\0') == std::string_view::npos);
}

struct Node {
    test::FaultyDisk disk;
    std::unique_ptr<Disk> handle = disk.handle();
    Plain random;
    NoLog log;

    explicit Node(std::string_view bytes) {
        std::unique_ptr<DiskFile> file;
        LATCHKEY_HOLDS(handle->create(segment_name(number), file) == 0);
        LATCHKEY_HOLDS(write_all(*file, 0, bytes) == 0);
    }
    Result<std::unique_ptr<Book>> open() {
        BookOptions options;
        options.installation = "installation";
        options.free_disk_bytes = 0;
        options.piece_bytes = 4096;
        return Book::open(*handle, options, random, log);
    }
};

std::map<std::int64_t, std::string> answers_of(Book& book) {
    std::map<std::int64_t, std::string> found;
    const auto records = book.read(0, 1'000'000);
    LATCHKEY_HOLDS(records.has_value());
    for (const auto& record : *records) found[record.number] = print_answer(record);
    LATCHKEY_HOLDS(found.size() == records->size());
    return found;
}

/// A journal that opens goes on, and the next start finds it as it was left.
void judge_going_on(Node& node, std::unique_ptr<Book> book,
                    std::map<std::int64_t, std::string> expected) {
    JournalRecord record;
    record.answer = Sealed{"the next one"};
    const auto next = book->stage(record);
    LATCHKEY_HOLDS(book->commit(true).has_value());
    // Behind the highest number of all there is no other.
    LATCHKEY_HOLDS(next.has_value() || next.error().code == "journal_full");
    LATCHKEY_HOLDS(!next || expected.empty() || *next > expected.rbegin()->first);
    if (next) expected[*next] = print_answer(record);
    LATCHKEY_HOLDS(answers_of(*book) == expected);
    book.reset();
    auto again = node.open();
    LATCHKEY_HOLDS(again.has_value());
    LATCHKEY_HOLDS(answers_of(**again) == expected);
}

void judge_file(std::string_view bytes) {
    const auto head = read_header(bytes);
    if (head.header && head.header->version == layout_version) {
        const auto again = read_header(print(*head.header));
        LATCHKEY_HOLDS(again.whole && again.header == head.header);
    }
    const auto scanned = scan(bytes, number);
    judge_scan(bytes, scanned);
    const auto intact = answers_of(scanned);

    Node node{bytes};
    auto opened = node.open();
    if (opened) {
        LATCHKEY_HOLDS(head.whole && !scanned.damaged());
        LATCHKEY_HOLDS(answers_of(**opened) == intact);
        judge_going_on(node, std::move(*opened), intact);
        return;
    }
    const std::string refused = opened.error().code;
    LATCHKEY_HOLDS(refused == "journal_damaged" || refused == "journal_foreign" ||
                   refused == "journal_too_new");
    Node mending{bytes};
    const auto mended = repair(*mending.handle);
    if (refused == "journal_too_new") {
        LATCHKEY_HOLDS(!mended.has_value());
        return;
    }
    if (refused != "journal_damaged") return;
    LATCHKEY_HOLDS(mended.has_value() && mended->size() == 1);
    const bool whole_file = mended->front().whole_file;
    auto after = mending.open();
    LATCHKEY_HOLDS(after.has_value());
    const auto expected = whole_file ? std::map<std::int64_t, std::string>{} : intact;
    LATCHKEY_HOLDS(answers_of(**after) == expected);
    judge_going_on(mending, std::move(*after), expected);
}

/// Frames with good checksums, whatever they say: a later version, or somebody's hand.
std::string frames_of(Script script) {
    auto bytes = print(good_header());
    while (!script.ended()) {
        auto kind = static_cast<std::uint32_t>(script.value(1));
        if (kind == 255) kind = static_cast<std::uint32_t>(script.value(4));
        const auto wide = script.value(1);
        const auto record = static_cast<std::int64_t>(script.value(wide % 9));
        const auto synced = wide >= 128 ? script.value(wide % 7) : bytes.size();
        const auto size = script.value(1);
        const bool own = size % 2 == 1;  // an answer of ours, else the script's bytes
        bytes += print_frame(number, kind, record, synced,
                             own ? answer(size) : std::string{script.text(size / 2)});
    }
    return bytes;
}

/// A good journal to which something happens: what was there and is still whole is found, nothing
/// else is, and damage is told from a torn tail.
void judge_accident(Script script) {
    auto bytes = print(good_header());
    struct Written {
        std::uint64_t begin, end;
        std::int64_t record;
    };
    std::vector<Written> written;
    const auto count = 1 + script.value(1) % 8;
    for (std::uint64_t i = 1; i <= count; ++i) {
        const auto begin = bytes.size();
        bytes += print_frame(number, static_cast<std::uint32_t>(Kind::answer),
                             static_cast<std::int64_t>(i), begin, answer(script.value(1) * 4));
        written.push_back({begin, bytes.size(), static_cast<std::int64_t>(i)});
    }
    const auto before = bytes;
    for (int i = 0; i < 4 && !script.ended(); ++i) {
        const auto what = script.value(1);
        const auto at = frames_begin + script.value(2) % (bytes.size() - frames_begin + 1);
        const auto length = std::min<std::uint64_t>(1 + script.value(1) * 4, bytes.size() - at);
        if (what % 4 == 0) {
            for (auto k = at; k < at + length; ++k)
                bytes[k] = static_cast<char>(bytes[k] ^ static_cast<char>(what));
        } else if (what % 4 == 1) {
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length, '\0');
        } else if (what % 4 == 2) {
            bytes.resize(at);
        } else {
            bytes.append(script.text(length));
        }
    }
    std::set<std::int64_t> whole;
    bool gap = false;
    bool gap_before_a_whole_one = false;
    for (const auto& one : written) {
        const auto size = one.end - one.begin;
        if (bytes.size() >= one.end &&
            bytes.compare(one.begin, size, before, one.begin, size) == 0) {
            whole.insert(one.record);
            gap_before_a_whole_one = gap;
        } else {
            gap = true;
        }
    }
    const auto scanned = scan(bytes, number);
    std::set<std::int64_t> found;
    for (const auto& [record, payload] : answers_of(scanned)) found.insert(record);
    LATCHKEY_HOLDS(found == whole);
    LATCHKEY_HOLDS(scanned.damaged() == gap_before_a_whole_one);
    judge_file(bytes);
}

}  // namespace

/// The first byte says what the others are: a file; what lies behind a good header; what frames with
/// good checksums hold; what happens to a good journal.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view rest{reinterpret_cast<const char*>(data) + 1, size - 1};
    switch (data[0] % 4) {
        case 0:
            judge_file(rest);
            break;
        case 1:
            judge_file(print(good_header()) + std::string{rest});
            break;
        case 2:
            judge_file(frames_of(Script{rest}));
            break;
        default:
            judge_accident(Script{rest});
    }
    return 0;
}
