#include "emulator/data/values.h"

#include <array>
#include <chrono>

#include <fmt/format.h>

namespace latchkey::emulator::rest {
namespace {

constexpr std::string_view base62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view checksum_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
constexpr std::int64_t day_seconds = 86400;

bool upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool digit(char c) {
    return c >= '0' && c <= '9';
}

std::string checksum(std::string_view fifteen) {
    std::string out;
    for (std::size_t group = 0; group < 15; group += 5) {
        std::size_t bits = 0;
        for (std::size_t i = 0; i < 5; ++i) {
            if (upper(fifteen[group + i])) bits |= std::size_t{1} << i;
        }
        out += checksum_alphabet[bits];
    }
    return out;
}

/// Exactly `count` digits at the front of `text`, taken off.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (char c : text.substr(0, count)) {
        if (!digit(c)) return std::nullopt;
        value = value * 10 + (c - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::int64_t> take_date(std::string_view& text) {
    const auto year = take_digits(text, 4);
    if (!year || !take(text, '-')) return std::nullopt;
    const auto month = take_digits(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    const auto day = take_digits(text, 2);
    if (!day || *year < 1700 || *year > 4000) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days{date}.time_since_epoch().count();
}

/// Seconds east of UTC.
std::optional<std::int64_t> take_zone(std::string_view& text) {
    if (take(text, 'Z') || take(text, 'z')) return 0;
    const bool east = take(text, '+');
    if (!east && !take(text, '-')) return std::nullopt;
    const auto hours = take_digits(text, 2);
    if (!hours || *hours > 14) return std::nullopt;
    take(text, ':');
    const auto minutes = take_digits(text, 2);
    if (!minutes || *minutes > 59) return std::nullopt;
    const std::int64_t seconds = *hours * 3600 + *minutes * 60;
    return east ? seconds : -seconds;
}

}  // namespace

std::string print_date(std::int64_t days) {
    const std::chrono::year_month_day date{
        std::chrono::sys_days{std::chrono::days{static_cast<int>(days)}}};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string print_datetime(std::int64_t seconds) {
    const std::int64_t in_day = ((seconds % day_seconds) + day_seconds) % day_seconds;
    const std::int64_t days = (seconds - in_day) / day_seconds;
    return fmt::format("{}T{:02}:{:02}:{:02}.000+0000", print_date(days), in_day / 3600,
                       in_day / 60 % 60, in_day % 60);
}

std::optional<std::int64_t> parse_date(std::string_view text) {
    const auto days = take_date(text);
    return text.empty() ? days : std::nullopt;
}

std::optional<std::int64_t> parse_datetime(std::string_view text) {
    const auto days = take_date(text);
    if (!days || (!take(text, 'T') && !take(text, 't'))) return std::nullopt;
    const auto hour = take_digits(text, 2);
    if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
    const auto minute = take_digits(text, 2);
    if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
    const auto second = take_digits(text, 2);
    if (!second || *second > 59) return std::nullopt;
    if (take(text, '.')) {
        if (!take_digits(text, 1)) return std::nullopt;
        while (!text.empty() && digit(text.front())) text.remove_prefix(1);
    }
    const auto east = take_zone(text);
    if (!east || !text.empty()) return std::nullopt;
    return *days * day_seconds + *hour * 3600 + *minute * 60 + *second - *east;
}

std::string record_id(std::string_view key_prefix, std::uint64_t number) {
    std::string id = std::string(key_prefix) + "Lk0000000000";
    for (std::size_t at = id.size(); number != 0 && at > 5; number /= 62) {
        id[--at] = base62[number % 62];
    }
    return id + checksum(id);
}

std::optional<std::string> full_id(std::string_view text) {
    if (text.size() != 15 && text.size() != 18) return std::nullopt;
    for (char c : text) {
        if (!upper(c) && !lower(c) && !digit(c)) return std::nullopt;
    }
    std::string id(text.substr(0, 15));
    if (text.size() == 15) return id + checksum(id);
    for (std::size_t group = 0; group < 3; ++group) {
        char mark = text[15 + group];
        if (lower(mark)) mark = static_cast<char>(mark - 'a' + 'A');
        const auto bits = checksum_alphabet.find(mark);
        if (bits == std::string_view::npos) return std::nullopt;
        for (std::size_t i = 0; i < 5; ++i) {
            char& c = id[group * 5 + i];
            const bool wanted_upper = (bits >> i & 1) != 0;
            if (wanted_upper && digit(c)) return std::nullopt;
            if (wanted_upper && lower(c)) c = static_cast<char>(c - 'a' + 'A');
            if (!wanted_upper && upper(c)) c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return id + checksum(id);
}

bool valid_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i++]);
        const int following = lead < 0x80                   ? 0
                              : lead >= 0xc2 && lead < 0xe0 ? 1
                              : lead >= 0xe0 && lead < 0xf0 ? 2
                              : lead >= 0xf0 && lead < 0xf5 ? 3
                                                            : -1;
        if (following < 0) return false;
        std::uint32_t point = following == 0 ? lead : lead & (0x3fu >> following);
        for (int n = 0; n < following; ++n) {
            if (i == text.size()) return false;
            const auto next = static_cast<unsigned char>(text[i++]);
            if ((next & 0xc0) != 0x80) return false;
            point = point << 6 | (next & 0x3fu);
        }
        const bool overlong =
            (following == 2 && point < 0x800) || (following == 3 && point < 0x10000);
        if (overlong || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    }
    return true;
}

}  // namespace latchkey::emulator::rest
