#include "emulator/people.h"

#include "base/text.h"
#include "emulator/ids.h"

namespace latchkey::emulator {

People::People() : org_id_(long_id("00Dxx0000001gPL")), password_("latchkey") {
    users_.push_back({long_id("005xx000001SwiU"), "ada@acme.example", "Ada", "Lovelace", true});
    users_.push_back({long_id("005xx000001SwiV"), "grace@acme.example", "Grace", "Hopper", true});
    users_.push_back({long_id("005xx000001SwiW"), "ines@acme.example", "Ines", "Inactive", false});
}

const User* People::by_username(std::string_view username) const {
    for (const auto& user : users_) {
        if (ascii_iequal(user.username, username)) return &user;
    }
    return nullptr;
}

const User* People::by_id(std::string_view id) const {
    for (const auto& user : users_) {
        if (user.id == id || (id.size() == 15 && user.id.starts_with(id))) return &user;
    }
    return nullptr;
}

}  // namespace latchkey::emulator
