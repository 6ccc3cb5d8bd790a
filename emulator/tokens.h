#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "emulator/world.h"

namespace latchkey::emulator {

/// Opens a session for `grant` and writes the answer a token request gets. `refresh_token` is the
/// one to show; empty: none. With `openid` granted there is an id_token, carrying `nonce` if any.
boost::json::object token_answer(World& world, const Visit& visit, const Client& client,
                                 Grant& grant, std::string_view refresh_token,
                                 std::string_view nonce);

/// Opens a grant after an approval. It gets a refresh token if `may_last`, the scopes and the app's
/// policy all say so.
Grant& approve(World& world, const Visit& visit, const Client& client, const std::string& user_id,
               const std::vector<std::string>& scopes, bool may_last);

/// Ends a grant and notes it. False if it had ended before.
bool end_grant(World& world, Grant& grant);

/// The same emulator under this machine's other name: localhost becomes 127.0.0.1, and any other
/// host becomes localhost. To a client that is another host.
std::string other_name(std::string_view origin);

/// An error in Salesforce's words.
struct Refusal {
    std::string_view error;
    std::string_view description;
};

/// Who asks, and whether that was proven.
struct ClientCheck {
    const Client* client = nullptr;  ///< set when `refusal` is empty
    std::optional<Refusal> refusal;
    bool basic = false;  ///< by an Authorization header: a refusal is a 401 then
};
/// Reads the client from the body, or else from Basic. A secret that was sent is always compared;
/// a missing one is refused if `secret_required` says so for this client.
ClientCheck check_client(const World& world, const Visit& visit, const FormFields& form,
                         bool (*secret_required)(const Client&));
Reply refuse(const ClientCheck& check);

/// What stands between this client, user and address and new tokens, if anything does.
std::optional<Refusal> policy_refusal(World& world, const Visit& visit, const Client& client,
                                      const std::string& user_id);

}  // namespace latchkey::emulator
