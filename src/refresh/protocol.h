#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include <latchkey/error.h>
#include <latchkey/provider.h>
#include <latchkey/token_set.h>

#include "endpoint/raw_answer.h"
#include "model/grant.h"
#include "refresh/protocol_times.h"
#include "store/grant_store.h"
#include "store/journal.h"

/// The refresh protocol's decisions, without socket, store, clock or randomness: what was read goes
/// in, what to do comes out. The diagram and the order of steps are in README.md of this room.
namespace latchkey::protocol {

/// Never overwritten by a doubt.
inline constexpr const char* second_use = second_use_reason;
/// The reason of a row whose answer is lost for good, as far as anybody can tell.
inline constexpr const char* answer_lost = "answer_lost";
/// The reason of a row whose refresh token some other system has spent.
inline constexpr const char* used_elsewhere = "used_elsewhere";
/// The code, and then the reason, of a request that found another one with this token under way.
inline constexpr const char* already_processing = "already_processing";

/// What a question for a token leads to.
enum class Step {
    serve,    ///< the row's access token will do
    refresh,  ///< spend the refresh token: claim first
    wait,     ///< an attempt is under way or in doubt; nothing may be sent now
    confirm,  ///< the row was confirmed on another history of the database: UNCERTAIN first
    give_up,  ///< no refresh token and no usable access token: REAUTH_REQUIRED no_refresh_token
    refuse,   ///< final for this row as it stands
};

struct Decision {
    Step step = Step::refuse;
    Error error;  ///< with wait and refuse: what the caller gets
};

/// A refused generation that this row never gave out counts as its latest: a caller's memory of a
/// database that was put back must neither block nor multiply refreshes.
TokenDemand clamped(TokenDemand demand, const GrantRow& row);

/// True if the row's access token may be handed out although it is not as good as asked for: it was
/// not refused and is not known to be over. `demand` is clamped.
bool still_serves(const GrantRow& row, const TokenDemand& demand, WallTime now);

/// `suspect` says that the row's timeline is not the store's present one. `demand` is clamped.
/// errors  conflict quarantined, connection_revoked · reauthorize reauth_required ·
///         try_later refresh_in_progress, rotation_uncertain
Decision decide(const GrantRow& row, const TokenDemand& demand, bool suspect, WallTime now);

/// Who is to be left alone for a while after a refusal that spent nothing.
enum class Blame { nobody, connection, org, provider };

/// What is known around a refusal that ends a grant.
struct Ending {
    bool unasked = false;   ///< a planned refresh: nobody had refused the access token
    bool rotates = false;   ///< this grant's server has sent a new refresh token before
    std::size_t newer = 0;  ///< live connections of this Salesforce user and client that were
                            ///< made after this one
};
/// Salesforce keeps so many approvals of one user for one client; one more ends the oldest.
inline constexpr std::size_t approvals_kept = 5;

/// The reason to store with a grant that is over: the refusal's own code, or a hint at what ended
/// it. `approval_limit`: newer approvals have pushed it out. `used_elsewhere`: some other system has
/// spent its refresh token, for the access token was still in use when the refresh was refused.
std::string ending_reason(const std::string& code, const Ending& ending);

/// How to settle an attempt, and what to tell those who wait for it.
struct Plan {
    Settlement::Kind kind = Settlement::Kind::unknown;
    bool keeps_tokens = false;  ///< the answer's tokens go into the row
    bool confirmed = true;      ///< false: tokens are stored, but the row stays in doubt
    std::string reason;         ///< stored with the row; empty if tokens were issued
    Blame blame = Blame::nobody;
    Error error;  ///< empty code: the tokens are the answer
};

/// An answer came. `sent` is the refresh token that was presented; `again` says that this was its
/// recorded second use, after which "not consumed" speaks for the second request alone.
Plan plan_for(const RefreshVerdict& verdict, const Secret& sent, bool again);
/// No answer came: the error of TokenLine::refresh.
Plan plan_for(const Error& transport, bool again);

/// True if Salesforce, or the way to it, gave no service. One such attempt says little, many in a
/// row that it is away or wants to be left alone.
bool strains(const Plan& plan);
/// What others are told while it is left alone.
Error strained_error(const Plan& plan);

/// What is known of an UNCERTAIN row besides the row.
struct Doubt {
    std::chrono::milliseconds age{0};  ///< since this process first saw it so, on the steady clock
    bool access_refused = false;       ///< the API has refused the last access token
    bool others_live = false;  ///< another live connection of this Salesforce user and client
    UncertainPolicy policy = UncertainPolicy::wait;
};

enum class Finding {
    works,      ///< ACTIVE again, confirmed on the present timeline
    spent,      ///< REAUTH_REQUIRED
    use_again,  ///< the recorded second use
    stay,       ///< nothing new; ask again later
};

struct Conclusion {
    Finding finding = Finding::stay;
    std::string reason;  ///< of the state it leads to; empty for works
};

/// True if Salesforce was asked in vain because this client may not ask at all.
bool cannot_ask(const Error& error);

/// `alive` is introspection's verdict on the refresh token. An error means that nothing was learnt;
/// one that cannot_ask hands the matter to the provider's policy.
Conclusion conclude(const Result<bool>& alive, const GrantRow& row, const Doubt& doubt,
                    const ProtocolTimes& times);

/// What a look at the store's history and one of the journal's records says about the store.
/// `present` is its timeline; `lacking` that the row has not got what the record holds.
/// errors  misconfigured  store_put_back: an older copy was put in place without being marked, so
///                        nothing may be claimed: what its rows say may have been spent since
std::optional<Error> put_back(const Timeline& present, const JournalRecord& record, bool lacking);

/// The reason with which an interrupted attempt becomes UNCERTAIN.
std::string interrupted_reason(const GrantRow& row);

/// What to do with a journal record found at the start.
enum class Recovery {
    skip,     ///< not ours: a code exchange
    close,    ///< the row has it, or there is nothing in it that a row could need
    apply,    ///< tokens that the row has not got: store them unconfirmed
    give_up,  ///< the server said that the grant is over, and the row is still in doubt about it
};
/// `kept` is the row's refresh token, if it could be opened: an answer that repeats it rotated
/// nothing.
Recovery recovery_of(const JournalRecord& record, const GrantRow& row,
                     const RefreshVerdict& verdict, const std::optional<Secret>& kept);

}  // namespace latchkey::protocol
