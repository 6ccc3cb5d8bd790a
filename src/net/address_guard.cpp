#include "net/address_guard.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include <arpa/inet.h>

namespace latchkey {

namespace {

struct Range {
    const char* start;
    int bits;
};

constexpr Range closed_v4[] = {
    {"0.0.0.0", 8},         // "this network"; 0.0.0.0 reaches the machine itself
    {"10.0.0.0", 8},        // private
    {"100.64.0.0", 10},     // shared by carriers; also a cloud's metadata, 100.100.100.200
    {"127.0.0.0", 8},       // loopback
    {"168.63.129.16", 32},  // a cloud's host agent behind a public address
    {"169.254.0.0", 16},    // link-local; cloud metadata, 169.254.169.254
    {"172.16.0.0", 12},     // private
    {"192.0.0.0", 24},      // protocol assignments
    {"192.0.2.0", 24},      // documentation
    {"192.88.99.0", 24},    // 6to4 relays
    {"192.168.0.0", 16},    // private
    {"198.18.0.0", 15},     // benchmarks
    {"198.51.100.0", 24},   // documentation
    {"203.0.113.0", 24},    // documentation
    {"224.0.0.0", 4},       // multicast
    {"240.0.0.0", 4},       // reserved, broadcast
};

// Global unicast is 2000::/3 alone, which leaves out ::, ::1, mapped and NAT64 addresses, unique
// local, link-local and multicast ones. These are the parts of it that are not for everybody.
constexpr Range open_v6 = {"2000::", 3};
constexpr Range closed_v6[] = {
    {"2001::", 23},      // protocol assignments, Teredo
    {"2001:db8::", 32},  // documentation
    {"2002::", 16},      // 6to4: an IPv4 address inside
    {"3fff::", 20},      // documentation
};

template <std::size_t Size>
using Bytes = std::array<std::uint8_t, Size>;

template <std::size_t Size>
bool parse(const char* text, Bytes<Size>& out) {
    return ::inet_pton(Size == 4 ? AF_INET : AF_INET6, text, out.data()) == 1;
}

template <std::size_t Size>
bool inside(const Bytes<Size>& address, const Range& range) {
    Bytes<Size> start{};
    parse(range.start, start);
    for (int bit = 0; bit < range.bits; bit += 8) {
        const int kept = std::min(8, range.bits - bit);
        const auto mask = static_cast<std::uint8_t>(0xff << (8 - kept));
        const auto i = static_cast<std::size_t>(bit / 8);
        if ((address[i] & mask) != (start[i] & mask)) return false;
    }
    return true;
}

}  // namespace

bool is_public_address(std::string_view numeric) {
    const std::string text{numeric};
    Bytes<4> v4{};
    if (parse(text.c_str(), v4)) {
        return std::none_of(std::begin(closed_v4), std::end(closed_v4),
                            [&](const Range& range) { return inside(v4, range); });
    }
    Bytes<16> v6{};
    if (!parse(text.c_str(), v6) || !inside(v6, open_v6)) return false;
    return std::none_of(std::begin(closed_v6), std::end(closed_v6),
                        [&](const Range& range) { return inside(v6, range); });
}

}  // namespace latchkey
