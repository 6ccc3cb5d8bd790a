#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "connect/alarm.h"
#include "connect/candidate.h"
#include "connect/connect_flow.h"
#include "connect/flow_words.h"

/// The furniture behind the door of connect_flow.h. opening.cpp has open, look and start;
/// arrival.cpp the callback; completion.cpp complete, up to the spending of the code; adoption.cpp
/// what becomes of the answer; recovery.cpp the start and the background.
namespace latchkey {

struct ConnectFlow::Impl {
    explicit Impl(ConnectParts p) : parts(std::move(p)) {}

    // The four steps.
    Task<OpenedFlow> open(ConnectWish wish, Deadline by);
    Task<LinkView> look(Secret link, Deadline by);
    Task<Departure> start(Secret link, std::optional<std::string> chosen_login, Deadline by);
    Task<Arrival> callback(ProviderId path, std::string query, CookieLookup cookies, Deadline by);
    Task<Completion> complete(FlowId id, Secret ticket, std::string end_user, ApiKeyId caller,
                              Deadline by);
    Task<void> recover(Deadline by);
    static Async<void> run(std::shared_ptr<Impl> self);

    // opening.cpp
    Task<std::string> login_url_of_wish(ConnectWish wish, Provider provider);
    Task<FlowRow> by_link(Secret link, Deadline by);
    Result<std::string> authorize_url(const Provider& provider, const std::string& login_url,
                                      const connect::Luggage& luggage, const Secret& state);

    // arrival.cpp
    Task<Arrival> refuse_arrival(FlowRow flow, Error problem, Deadline by);
    /// Whether the stored callback brought the same code.
    bool same_code(const FlowRow& flow, const oauth::CallbackQuery& query);

    // completion.cpp
    struct Spending;
    Task<Completion> redeem(FlowRow flow, Deadline by);
    Task<Completion> spend(std::unique_ptr<Spending> spending);
    Task<Completion> repeat(FlowRow flow, Deadline by);
    /// Ends a flow that has no answer to apply. errors  those of the store, conflict flow_conflict
    Task<void> end(FlowRow flow, std::string failure, Deadline by);

    // adoption.cpp
    /// The answer of one exchange, on its way into the store.
    struct Answer {
        GrantKey key;
        RawAnswer raw;
        WallTime at{};
        std::int64_t record = 0;  ///< in the journal; 0: it could not be noted
        bool again = false;       ///< an earlier attempt may have stored part of it
        Answer() = default;
    };
    /// What an earlier attempt left where the candidate belongs.
    enum class Found { nothing, candidate, current, refused, foreign };
    /// Where the new grant stands once it is stored.
    enum class Kept { candidate, current };

    /// Keeps, checks and promotes what an exchange brought, and ends the flow. Safe to repeat with
    /// `again`. Where the store is away the answer is put aside, for run() to try again, and
    /// try_later completion_under_way is returned.
    Task<Completion> adopt(FlowRow flow, Answer answer);
    Task<Connection> adopt_tokens(FlowRow flow, std::shared_ptr<Answer> answer);
    /// Stores the candidate at answer->key, or at the next free epoch, which it then says.
    /// errors  conflict candidate_refused, and the store's
    Task<Kept> keep_candidate(FlowRow flow, std::shared_ptr<Answer> answer,
                              oauth::TokenAnswer read);
    Task<Found> look_back(GrantKey key, oauth::TokenAnswer read);
    Task<void> next_epoch(FlowRow flow, std::shared_ptr<Answer> answer);
    Task<Connection> check_and_promote(FlowRow flow, GrantKey key, oauth::TokenAnswer read);
    /// The facts of a candidate that has passed. errors  those of candidate.h, and the store's
    Task<Connection> facts_of(FlowRow flow, GrantKey key, oauth::TokenAnswer read);
    /// Empty where the identity service does not say.
    Async<std::string> username(salesforce::LoginBase login, connect::CandidateFacts facts,
                                Secret access_token);
    void put_away(const FlowId& flow, const Answer& answer);
    Async<void> close_record(std::int64_t record);
    Async<void> report(FlowRow flow, Connection connection, oauth::TokenAnswer read);

    // recovery.cpp
    Async<void> recover_flow(FlowRow flow, std::int64_t record, Deadline by);
    Async<void> retry_put_aside();

    /// FlowStore::replace, found out where the commit's fate was unknown. Only for writes that
    /// carry a fresh hash or end the flow: another writer's row must not look like ours.
    Task<FlowRow> put(FlowRow next, Deadline by);
    /// A storage deadline that does not depend on how long the caller still waits.
    Deadline for_store() const { return parts.clock.in(std::chrono::seconds{10}); }
    void tell(const ConnectionId& connection) const {
        if (parts.changed) parts.changed(connection);
    }

    ConnectParts parts;
    std::shared_ptr<connect::Alarm> alarm = connect::Alarm::make(parts.loop, parts.clock);
    std::set<FlowId> busy;               ///< exchanges under way in this process
    std::map<FlowId, Answer> put_aside;  ///< answers that the store did not take yet
};

}  // namespace latchkey
