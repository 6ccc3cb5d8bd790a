#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include <latchkey/error.h>

#include "emulator/bounded.h"

namespace latchkey::emulator {

/// What a presented spent refresh token does. The first is documented, the others were reported.
enum class Reuse { revoke_family, reject_only, revoke_user_app };
/// What meets a refresh that comes while another one is being processed.
enum class Concurrency { block_same_token, legacy_text, block_app, allow };
enum class OldAccessToken { survives, dies };
enum class Pkce { optional, required };
enum class PermittedUsers { self_authorize, admin_approved };
/// A Local app belongs to another org here, so that every login through it is a cross-org one.
enum class Distribution { connected_app, local, packaged };
enum class RevokeErrors { by_accept, json, form };
enum class TokenFormat { opaque };

/// How long a refresh token lives; `span` counts for `idle` (from its last use) and `fixed` (from
/// the approval).
struct RefreshPolicy {
    enum class Kind { until_revoked, immediate, idle, fixed };
    Kind kind = Kind::until_revoked;
    std::chrono::seconds span{0};
};

/// One app as its administrator has set it up, with everything that can be switched. The names of
/// the members are the names of the JSON fields of POST /__emulator/clients.
struct Client {
    std::string client_id;
    std::string secret;  ///< empty: a public client
    std::vector<std::string> redirect_uris;
    bool any_loopback_redirect = false;  ///< any port and path of localhost, 127.0.0.1 and [::1]
    std::vector<std::string> scopes;

    Pkce pkce = Pkce::required;
    bool secret_required_web = true;
    bool secret_required_refresh = true;

    bool rotation = true;
    Reuse reuse = Reuse::revoke_family;
    OldAccessToken rtr_old_access_token = OldAccessToken::survives;
    Concurrency concurrent_refresh = Concurrency::block_same_token;
    std::int64_t refresh_latency = 0;  ///< milliseconds a refresh takes
    RefreshPolicy refresh_policy;
    bool idle_ttl_30d = false;              ///< makes until_revoked an idle limit of 30 days
    std::vector<std::string> ip_allowlist;  ///< addresses and CIDR ranges; empty: everybody
    std::int64_t max_approvals = 5;

    std::int64_t session_timeout = 7200;  ///< seconds
    bool sliding = true;                  ///< use of a session puts its end off
    bool half_window_update = false;      ///< only after half of the timeout has passed

    PermittedUsers permitted_users = PermittedUsers::self_authorize;
    std::vector<std::string> approved_users;  ///< user names; with admin_approved
    bool installed = true;
    bool blocked = false;
    Distribution distribution_state = Distribution::connected_app;

    TokenFormat token_format = TokenFormat::opaque;
    bool sfap = false;               ///< answers carry api_instance_url
    bool instance_url_move = false;  ///< the next refresh names another host; the old answers 420
    bool include_expires_in = false;
    bool issued_at_number = false;
    bool extra_fields = false;    ///< answers carry fields nobody knows
    bool maintenance = false;     ///< 503 with HTML for tokens and data
    std::int64_t login_rate = 0;  ///< token requests of one user in an hour; 0: no limit
    RevokeErrors revoke_error_encoding = RevokeErrors::by_accept;
    std::int64_t daily_limit = 0;  ///< API requests; 0: as the org has it

    bool has_scope(std::string_view scope) const;
    bool accepts_redirect(std::string_view uri) const;
    /// The policy that counts, `idle_ttl_30d` considered.
    RefreshPolicy effective_policy() const;
    /// Whether a numeric address may spend codes and refresh tokens.
    bool allows_address(std::string_view address) const;
};

/// The fields of `wish` over those of `base`. A field that is absent keeps its value.
/// errors  bad_input  unknown_field, wrong_type, wrong_value; the message lists what is allowed
Result<Client> read_client(const boost::json::object& wish, Client base);
/// Every field, as `read_client` takes it. With the secret: all of this is make-believe.
boost::json::object print_client(const Client& client);

/// The two built-in clients and those that tests have added; at most 1,000.
class Clients {
public:
    Clients(bool rotation, Pkce pkce);
    const Client* find(const std::string& client_id) const { return by_id_.find(client_id); }
    void put(Client client);
    /// What a client that is not there yet starts from.
    Client fresh(bool confidential) const;
    const Bounded<Client>& all() const { return by_id_; }

private:
    bool rotation_;
    Pkce pkce_;
    Bounded<Client> by_id_;
};

}  // namespace latchkey::emulator
