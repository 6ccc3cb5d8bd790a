#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace latchkey::emulator {

/// The 18-character form of a 15-character record id: three more characters tell which of the 15
/// are capital letters. An id of another length comes back as it is.
/// source  Salesforce Help, "How to convert 15 digit Ids to 18 digit Ids"
std::string long_id(std::string_view id);

/// Makes every token, code and name the emulator gives out. The same seed and the same order of
/// questions give the same answers, so a failed run can be repeated; nothing here is a secret.
class Ids {
public:
    explicit Ids(std::uint64_t seed) : seed_(seed) {}

    /// "aPrx", 70 characters, "==": clients must decode a code once and encode it once.
    std::string code();
    /// The first 15 characters of `org_id`, "!AQ", and 94 of [A-Za-z0-9._].
    std::string access_token(std::string_view org_id);
    /// "5Aep861" and 80 of [A-Za-z0-9._].
    std::string refresh_token();
    /// 32 of [A-Za-z0-9._]: a login under way, a browser's session, a one-time link.
    std::string opaque();

    /// How many were made; a restart goes on from here, or it would hand out the same ones again.
    std::uint64_t drawn() const { return drawn_; }
    void go_on_from(std::uint64_t drawn) { drawn_ = drawn; }

private:
    std::string draw(std::size_t characters);
    std::uint64_t seed_;
    std::uint64_t drawn_ = 0;
};

}  // namespace latchkey::emulator
