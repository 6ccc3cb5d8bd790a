#include "endpoint/raw_answer.h"

#include <cstdint>

namespace latchkey {
namespace {

// "LKA", a version, then numbers of four bytes, highest first, and texts behind their lengths. A
// journal outlives the version that wrote it: a changed layout gets another version byte.
constexpr std::string_view magic{"LKA\x01", 4};
constexpr std::uint32_t flag_whole = 1;
constexpr std::uint32_t flag_retry_after = 2;
constexpr std::size_t body_limit = 1024 * 1024;

void put(std::string& out, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 255);
}

void put(std::string& out, std::string_view text) {
    put(out, static_cast<std::uint32_t>(text.size()));
    out += text;
}

class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}
    bool failed() const { return failed_; }
    bool ended() const { return rest_.empty(); }

    std::string_view bytes(std::size_t size) {
        if (failed_ || rest_.size() < size) {
            failed_ = true;
            return {};
        }
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    std::uint32_t number() {
        std::uint32_t value = 0;
        for (const unsigned char c : bytes(4)) value = value << 8 | c;
        return value;
    }
    std::string_view text(std::size_t limit) {
        const auto size = number();
        if (size > limit) failed_ = true;
        return bytes(size);
    }

private:
    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace

Secret RawAnswer::pack() const {
    std::string out;
    out.reserve(magic.size() + 6 * 4 + content_type.size() + content_encoding.size() + body.size());
    out += magic;
    put(out, static_cast<std::uint32_t>(status));
    put(out, (whole ? flag_whole : 0) | (retry_after ? flag_retry_after : 0));
    put(out, static_cast<std::uint32_t>(retry_after.value_or(std::chrono::seconds{0}).count()));
    put(out, content_type);
    put(out, content_encoding);
    put(out, body.reveal());
    return Secret::take(std::move(out));
}

Result<RawAnswer> RawAnswer::unpack(std::string_view bytes) {
    const Error damaged{Fault::internal, "damaged_record",
                        "A journalled answer cannot be read. Keep the journal and report this."};
    Reader reader{bytes};
    if (reader.bytes(magic.size()) != magic) return damaged;
    const auto status = reader.number();
    const auto flags = reader.number();
    const auto seconds = reader.number();

    RawAnswer answer;
    answer.content_type = reader.text(128);
    answer.content_encoding = reader.text(64);
    answer.body = Secret{reader.text(body_limit)};
    if (reader.failed() || !reader.ended()) return damaged;
    if (status > 999 || flags > (flag_whole | flag_retry_after) || seconds > 3600) return damaged;
    answer.status = static_cast<int>(status);
    answer.whole = (flags & flag_whole) != 0;
    if ((flags & flag_retry_after) != 0) answer.retry_after = std::chrono::seconds{seconds};
    return answer;
}

}  // namespace latchkey
