#include "emulator/ids.h"

#include "emulator/hash.h"

namespace latchkey::emulator {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
constexpr std::size_t short_size = 15;

}  // namespace

std::string long_id(std::string_view id) {
    constexpr std::string_view marks = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    std::string out{id};
    if (id.size() != short_size) return out;
    for (std::size_t group = 0; group < 3; ++group) {
        unsigned capitals = 0;
        for (std::size_t bit = 0; bit < 5; ++bit) {
            const char c = id[group * 5 + bit];
            if (c >= 'A' && c <= 'Z') capitals |= 1u << bit;
        }
        out += marks[capitals];
    }
    return out;
}

std::string Ids::draw(std::size_t characters) {
    const std::string name =
        "emulator " + std::to_string(seed_) + " " + std::to_string(drawn_++) + " ";
    std::string out;
    for (int block = 0; out.size() < characters; ++block) {
        for (const unsigned char byte : sha256(name + std::to_string(block))) {
            if (out.size() < characters) out += alphabet[byte & 63];
        }
    }
    return out;
}

std::string Ids::code() {
    return "aPrx" + draw(70) + "==";
}

std::string Ids::access_token(std::string_view org_id) {
    return std::string{org_id.substr(0, short_size)} + "!AQ" + draw(94);
}

std::string Ids::refresh_token() {
    return "5Aep861" + draw(80);
}

std::string Ids::opaque() {
    return draw(32);
}

}  // namespace latchkey::emulator
