#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/provider.h>
#include <latchkey/secret.h>

#include "base/random.h"
#include "oauth/callback.h"
#include "salesforce/hosts.h"
#include "store/flow_store.h"

/// The small rules that the four steps of connecting share. All pure.
namespace latchkey::connect {

/// From opening to the callback. A person logs in within it, second factor included.
inline constexpr std::chrono::minutes flow_lifetime{10};
/// From the callback to `complete`: one redirect and one request of the app's backend.
inline constexpr std::chrono::seconds ticket_lifetime{60};
/// How long a finished flow can be asked for its connection again.
inline constexpr std::chrono::minutes answer_lifetime{10};
/// How long an exchange that a crash left behind waits for the node to come back.
inline constexpr std::chrono::hours recovery_lifetime{7 * 24};

inline constexpr std::size_t longest_end_user = 200;
inline constexpr std::size_t longest_purpose = 200;
inline constexpr std::size_t longest_login_hint = 200;

/// 32 random bytes as base64url, 43 characters: links, states, cookies and tickets.
Secret fresh_key(Random& random);
/// What such a key is stored and looked up by.
std::string hash_of(const Secret& key);
/// In constant time. An empty stored hash fits nothing.
bool fits(const Secret& key, const std::string& stored_hash);

/// "lk-" and 8 characters of the flow: several flows of one browser do not overwrite each other.
std::string cookie_name(const FlowId& flow);

/// When the person's part of a flow is over, whatever happened since.
bool too_late(const FlowRow& flow, WallTime now);

/// What leaving for Salesforce takes, besides what is in the row: kept sealed, since a login hint
/// is a person's name.
struct Luggage {
    Secret verifier;
    std::string login_hint;
    std::vector<std::string> prompt;
    Luggage() = default;

    Secret pack() const;
    /// errors  internal corrupt
    static Result<Luggage> unpack(const Secret& packed);
};

/// The columns that seal_for_flow binds a flow's secrets to.
inline constexpr std::string_view luggage_column = "verifier";
inline constexpr std::string_view callback_column = "callback";

/// Parses a login URL that a flow or grant was stored with. What only an operator may configure
/// (loopback, a custom domain) counts only while it is this provider's login URL, so that a changed
/// row cannot send a code or a token elsewhere.
/// errors  bad_input invalid_login_host
Result<salesforce::LoginBase> login_of(const Provider& provider, std::string_view login_url);

/// What the callback of a flow must look like. An issuer is compared where the server names one
/// (RFC 9207): the login's own; people who enter by login.salesforce.com or test.salesforce.com may
/// be answered for by their My Domain.
oauth::AwaitedCallback awaited_callback(const FlowRow& flow, const Provider& provider,
                                        const salesforce::LoginBase& login,
                                        const oauth::CallbackQuery& query);

}  // namespace latchkey::connect
