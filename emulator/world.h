#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "emulator/bounded.h"
#include "emulator/clients.h"
#include "emulator/data/data_api.h"
#include "emulator/faults.h"
#include "emulator/grants.h"
#include "emulator/ids.h"
#include "emulator/jwt_signer.h"
#include "emulator/ledger.h"
#include "emulator/people.h"

namespace latchkey::emulator {

/// An authorization request that has passed every check that ends on a page.
struct AuthorizeAsk {
    std::string client_id;
    std::string redirect_uri;
    std::string response_type;
    std::vector<std::string> scopes;
    std::optional<std::string> state;
    std::string challenge;  ///< S256; empty: none
    std::string nonce;
    std::string login_hint;
    std::string display = "page";
    bool login_again = false;    ///< prompt=login or select_account
    bool consent_again = false;  ///< prompt=consent
    bool immediate = false;
};

/// A person between the login page and the answer.
struct PendingLogin {
    AuthorizeAsk ask;
    std::string user_id;  ///< empty: not logged in yet
};

/// A code that was given out.
struct Code {
    AuthorizeAsk ask;
    std::string user_id;
    WallTime issued_at{};
    bool redeemed = false;
};

/// Everything that changes while the emulator runs, and nothing that waits: one loop owns it.
/// limits  10,000 logins under way, codes and browser sessions each; the oldest are forgotten
struct World {
    World(std::uint64_t seed, bool rotation, Pkce pkce);

    People people;
    Ids ids;
    Clients clients;
    Grants grants;
    Ledger ledger;
    Faults faults;
    JwtSigner signer;
    DataApi data;
    Bounded<PendingLogin> logins;
    Bounded<Code> codes;
    Bounded<std::string> browsers;                        ///< cookie to user id
    std::unordered_map<std::string, std::uint64_t> busy;  ///< grant to the use that holds it
    Bounded<std::vector<WallTime>> login_times;           ///< user and client, for login_rate
    std::chrono::seconds offset{0};                       ///< how far time was advanced

    /// As after the start. What is under way goes on and finds nothing.
    void reset();

private:
    std::uint64_t seed_;
    bool rotation_;
    Pkce pkce_;
};

/// One request on its way through.
struct Visit {
    const ServedRequest& request;
    std::string path;    ///< leading slashes folded to one, closing slashes cut
    std::string origin;  ///< the emulator's name as this caller knows it
    WallTime now;

    bool posted() const { return request.method == "POST"; }
};

/// The refresh this request is, if it is one.
struct RefreshUse {
    std::uint64_t number = 0;
    bool blocked = false;    ///< another one with this token was being processed when it came
    bool own_token = false;  ///< and that one holds this very token
};

/// Numbers of a name, or text, of a header's bearer token.
struct Bearer {
    enum class Kind { absent, token, other } kind = Kind::absent;
    std::string token;
};
/// "Bearer x" and the old form "OAuth x".
Bearer bearer_of(const ServedRequest& request);

/// The fields of a form body; nullopt if it is not one.
std::optional<FormFields> form_of(const ServedRequest& request);
/// The first value; empty if there is none.
std::string value_of(const FormFields& fields, std::string_view name);

std::string identity_url(std::string_view origin, const World& world, std::string_view user_id);

}  // namespace latchkey::emulator
