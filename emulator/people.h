#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace latchkey::emulator {

/// Somebody who can log in to the emulated org.
struct User {
    std::string id;  ///< 18 characters
    std::string username;
    std::string first_name;
    std::string last_name;
    bool active = true;

    std::string display_name() const { return first_name + " " + last_name; }
};

/// The one org and its users: Ada, Grace, and Ines, who is deactivated. They all have one password.
/// Not changed by anything.
class People {
public:
    People();
    const std::string& org_id() const { return org_id_; }  ///< 18 characters
    const std::string& password() const { return password_; }
    const User& ada() const { return users_.front(); }

    /// Names compare without case. nullptr if nobody is called so.
    const User* by_username(std::string_view username) const;
    /// Takes 15 or 18 characters. nullptr if there is none.
    const User* by_id(std::string_view id) const;

private:
    std::string org_id_;
    std::string password_;
    std::vector<User> users_;
};

}  // namespace latchkey::emulator
