#include "store/journal/segment.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "store/journal/crc32c.h"

namespace latchkey::journal {
namespace {

// The line ends and the end-of-text sign show a file that was copied as text.
constexpr std::string_view magic{"LKJ\r\n\x1a\n\0", 8};
constexpr std::uint64_t copy_size = frames_begin / 2;
constexpr std::uint64_t frame_head = 32;
constexpr std::string_view suffix = ".journal";
constexpr std::size_t longest_text = 1024;

void put(std::string& out, std::uint64_t number, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        out += static_cast<char>(number >> shift & 255);
}
void put_text(std::string& out, std::string_view text) {
    put(out, text.size(), 4);
    out += text;
}
void put_number(std::string& out, std::int64_t number) {
    put(out, static_cast<std::uint64_t>(number), 8);
}

class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}
    bool failed() const { return failed_; }
    bool ended() const { return !failed_ && rest_.empty(); }

    std::string_view bytes(std::uint64_t size) {
        if (failed_ || rest_.size() < size) {
            failed_ = true;
            return {};
        }
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    std::uint64_t number(std::size_t size) {
        std::uint64_t value = 0;
        for (const char c : bytes(size)) value = value << 8 | static_cast<unsigned char>(c);
        return value;
    }
    std::int64_t signed_number() { return static_cast<std::int64_t>(number(8)); }
    std::string text(std::size_t limit) {
        const auto size = number(4);
        if (size > limit) failed_ = true;
        return std::string{bytes(size)};
    }

private:
    std::string_view rest_;
    bool failed_ = false;
};

std::int64_t seconds_of(WallTime at) {
    return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}
WallTime time_of(std::int64_t seconds) {
    return WallTime{std::chrono::seconds{seconds}};
}

std::uint64_t padded(std::uint64_t size) {
    return (size + frame_step - 1) / frame_step * frame_step;
}

bool only_zeros(std::string_view bytes) {
    return bytes.find_first_not_of('\0') == std::string_view::npos;
}

std::optional<SegmentHeader> read_copy(std::string_view bytes) {
    Reader reader{bytes};
    if (reader.bytes(magic.size()) != magic) return std::nullopt;
    const auto checksum = reader.number(4);
    const auto size = reader.number(4);
    const auto body = reader.bytes(size);
    if (reader.failed() || crc32c(body) != checksum) return std::nullopt;
    Reader fields{body};
    SegmentHeader header;
    header.version = static_cast<std::uint32_t>(fields.number(4));
    if (header.version != layout_version)
        return fields.failed() ? std::nullopt : std::optional{header};
    header.number = fields.number(8);
    header.first_record = fields.signed_number();
    header.previous = fields.number(8);
    header.previous_synced = fields.number(8);
    header.mended = fields.number(4) != 0;
    header.installation = fields.text(longest_name);
    header.node = NodeId{fields.text(longest_name)};
    if (!fields.ended()) return std::nullopt;
    return header;
}

}  // namespace

std::string print(const SegmentHeader& header) {
    std::string body;
    put(body, header.version, 4);
    put(body, header.number, 8);
    put_number(body, header.first_record);
    put(body, header.previous, 8);
    put(body, header.previous_synced, 8);
    put(body, header.mended ? 1 : 0, 4);
    put_text(body, header.installation);
    put_text(body, header.node.text);
    std::string copy{magic};
    put(copy, crc32c(body), 4);
    put(copy, body.size(), 4);
    copy += body;
    copy.resize(copy_size);
    return copy + copy;
}

HeaderFound read_header(std::string_view bytes) {
    bytes = bytes.substr(0, frames_begin);
    const auto first = read_copy(bytes.substr(0, copy_size));
    const auto second =
        bytes.size() > copy_size ? read_copy(bytes.substr(copy_size)) : std::nullopt;
    HeaderFound found;
    found.header = first ? first : second;
    found.whole = first && second && *first == *second;
    return found;
}

std::string print_frame(std::uint64_t segment, std::uint32_t kind, std::int64_t number,
                        std::uint64_t synced, std::string_view payload) {
    std::string rest;
    rest.reserve(padded(frame_head + payload.size()));
    put(rest, segment, 4);
    put(rest, kind, 4);
    put_number(rest, number);
    put(rest, synced, 8);
    rest += payload;
    rest.resize(padded(rest.size()));
    std::string frame;
    frame.reserve(8 + rest.size());
    put(frame, payload.size(), 4);
    put(frame, crc32c(rest, crc32c(frame)), 4);
    return frame + rest;
}

std::optional<Frame> read_frame(std::string_view bytes, std::uint64_t segment,
                                std::uint64_t offset) {
    if (offset % frame_step != 0 || bytes.size() < offset + frame_head) return std::nullopt;
    Reader reader{bytes.substr(offset)};
    const auto size_bytes = bytes.substr(offset, 4);
    const auto size = reader.number(4);
    const auto checksum = reader.number(4);
    // Looked at before the checksum: nearly everything that is no frame ends here.
    if (reader.number(4) != (segment & 0xffffffff)) return std::nullopt;
    const auto whole = padded(frame_head + size);
    if (size > longest_payload || bytes.size() - offset < whole) return std::nullopt;
    if (crc32c(bytes.substr(offset + 8, whole - 8), crc32c(size_bytes)) != checksum)
        return std::nullopt;
    Frame frame;
    frame.offset = offset;
    frame.end = offset + whole;
    frame.kind = static_cast<std::uint32_t>(reader.number(4));
    frame.number = reader.signed_number();
    frame.synced = reader.number(8);
    frame.payload = reader.bytes(size);
    return frame;
}

std::string print_answer(const JournalRecord& record) {
    std::string out;
    out.reserve(256 + record.answer.bytes.size());
    put_text(out, record.key.connection.text);
    put_number(out, record.key.epoch.value);
    put_number(out, record.grant_generation.value);
    put_number(out, record.generation.value);
    put_text(out, record.attempt.text);
    put_text(out, record.flow.text);
    put_text(out, record.timeline.text);
    put_number(out, seconds_of(record.at));
    put_text(out, record.answer.bytes);
    return out;
}

std::optional<JournalRecord> read_answer(std::string_view payload) {
    Reader reader{payload};
    JournalRecord record;
    record.key.connection = ConnectionId{reader.text(longest_text)};
    record.key.epoch = Epoch{reader.signed_number()};
    record.grant_generation = GrantGeneration{reader.signed_number()};
    record.generation = Generation{reader.signed_number()};
    record.attempt = AttemptId{reader.text(longest_text)};
    record.flow = FlowId{reader.text(longest_text)};
    record.timeline = Timeline{reader.text(longest_text)};
    record.at = time_of(reader.signed_number());
    record.answer = Sealed{reader.text(longest_payload)};
    if (!reader.ended()) return std::nullopt;
    return record;
}

std::string print_done(WallTime at) {
    std::string out;
    put_number(out, seconds_of(at));
    return out;
}

std::optional<WallTime> read_done(std::string_view payload) {
    Reader reader{payload};
    const auto at = time_of(reader.signed_number());
    if (!reader.ended()) return std::nullopt;
    return at;
}

bool Scan::damaged(std::uint64_t known) const {
    const auto intact_until = rubbish.empty() ? end : rubbish.front().begin;
    return intact_until < std::max(known, synced);
}

Scan scan(std::string_view bytes, std::uint64_t segment) {
    Scan found;
    found.end = frames_begin;
    std::uint64_t at = frames_begin;
    std::uint64_t rubbish_from = frames_begin;
    while (at + frame_head <= bytes.size()) {
        auto frame = read_frame(bytes, segment, at);
        if (!frame) {
            at += frame_step;
            continue;
        }
        if (rubbish_from < at) found.rubbish.push_back({rubbish_from, at});
        at = rubbish_from = found.end = frame->end;
        found.synced = std::max(found.synced, frame->synced);
        found.frames.push_back(*frame);
    }
    // Zeros to the end are room that nobody has written to yet.
    if (rubbish_from < bytes.size() && !only_zeros(bytes.substr(rubbish_from)))
        found.rubbish.push_back({rubbish_from, bytes.size()});
    return found;
}

std::string segment_name(std::uint64_t number) {
    return fmt::format("{:010}{}", number, suffix);
}

std::optional<std::uint64_t> segment_of(std::string_view name) {
    if (!name.ends_with(suffix)) return std::nullopt;
    const auto digits = name.substr(0, name.size() - suffix.size());
    std::uint64_t number = 0;
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (problem != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    if (number == 0 || segment_name(number) != name) return std::nullopt;
    return number;
}

}  // namespace latchkey::journal
