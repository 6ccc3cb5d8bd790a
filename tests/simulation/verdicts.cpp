#include <cstdio>

#include <fmt/format.h>

#include "tests/simulation/world.h"

// What must be true at every moment, and what at the end. The emulator's ledger decides.

namespace latchkey::simulation {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds look_every{3000};

}  // namespace

bool World::lossy() const {
    return plan_.failover_loses || plan_.restore_every.count() > 0 || plan_.steps_struck > 0;
}

void World::fail(std::string why) {
    if (!verdict_.failure.empty()) return;
    verdict_.failure = fmt::format("{} (at {} s)", why, double(agenda_.age().count()) / 1000);
}

/// A caller got an answer.
void World::told(Boot& boot, Connected& who, const TokenDemand& demand, Generation floor,
                 const Result<AccessToken>& token) {
    if (trace_)
        std::printf(
            "%9.3f n%d.%d    caller of %s, newer than %lld: %s\n",
            double(agenda_.age().count()) / 1000, boot.node, boot.number, who.id.text.c_str(),
            static_cast<long long>(demand.newer_than.value_or(Generation{0}).value),
            token ? std::to_string(token->generation.value).c_str() : token.error().code.c_str());
    if (!token) {
        if (token.error().fault == Fault::internal)
            fail("a caller of " + who.id.text + " met " + token.error().code);
        return;
    }
    // An older copy of the database may be all that a node can know until journals are back.
    if (!lossy()) {
        if (token->generation < floor)
            fail(fmt::format("O5: callers of {} saw generation {} after {}", who.id.text,
                             token->generation.value, floor.value));
        if (demand.newer_than && token->generation <= *demand.newer_than)
            fail(fmt::format("O4: a caller of {} got generation {}, which it had said was refused",
                             who.id.text, token->generation.value));
    }
    auto& seen = boot.seen[who.id];
    seen = std::max(seen, token->generation);
    if (token->generation > who.newest || lossy()) who.newest = token->generation;
    if (!faults_ && demand.newer_than && salesforce_.alive(std::string{token->token.reveal()}))
        who.done = true;
}

/// After the faults: every connection is asked for a newer token until it works or is known not to.
void World::check_all() {
    if (over_) return;
    const auto& totals = salesforce_.ledger().totals();
    if (totals.reuses > 0)
        if (const auto who = spent_unrecorded(); !who.empty())
            fail("O1: a spent refresh token of " + who + " was presented");
    if (totals.max_in_flight > 1) fail("O2: a refresh token had two uses in flight");
    bool all = true;
    for (auto& who : connected_) {
        if (!who.done) check(who);
        all = all && who.done;
    }
    if (!verdict_.failure.empty()) return;
    if (all) {
        over_ = true;
        verdict_.settling = std::chrono::duration_cast<milliseconds>(agenda_.now() - calm_since_);
        return;
    }
    agenda_.in(look_every, [this] { check_all(); });
}

void World::check(Connected& who) {
    const auto row = now(database_.store().grants().find(who.id, desk_clock_.in(1h)));
    if (!row) {
        fail("the row of " + who.id.text + " is gone");
        return;
    }
    if (row->state == State::reauth_required) {
        const auto why = unjust(who, row->key.epoch);
        if (why.empty()) {
            who.done = true;
            if (row->reason == "answer_lost") ++verdict_.given_up;
        } else if (agenda_.now() - calm_since_ > 200s) {
            fail("O3: " + who.id.text + " was given up (" + row->reason + "): " + why);
        }
        return;
    }
    if (row->state == State::revoking || row->state == State::revoked) {
        // A restored copy may know nothing of a revocation, but nothing revokes by itself.
        who.done = true;
        return;
    }
    if (who.asking) return;
    auto& node = *nodes_[dice_.below(nodes_.size())];
    who.newest = row->generation;
    ask(node, who, true);
}

/// Whose spent token was presented more often than a second use was recorded; empty: nobody's.
std::string World::spent_unrecorded() {
    for (const auto& who : connected_) {
        std::uint64_t reuses = 0;
        for (const auto& grant : who.grants) reuses += salesforce_.ledger().of(grant).reuses;
        if (reuses > database_.second_uses(who.id)) return who.id.text;
    }
    return {};
}

/// Empty if the ledger shows why the connection had to be given up.
std::string World::unjust(const Connected& who, Epoch epoch) {
    // Where nobody could ask, a doubt may have been the end: by the policy, beside another
    // connection of the same user, or by a second use that was recorded.
    const bool alone = plan_.grants == 1 && database_.second_uses(who.id) == 0;
    if (!plan_.asked && (plan_.reauth || !alone)) return {};
    // Where an epoch was given twice, the row is of one of its consents, and nobody says of which.
    const auto [first, last] = who.consents.equal_range(epoch);
    std::string why;
    for (auto consent = first; consent != last; ++consent) {
        why = unjust(consent->second);
        if (why.empty()) break;
    }
    return why;
}

std::string World::unjust(const std::string& first_token) {
    if (withdrawn_.contains(first_token)) return {};
    const auto& newest = salesforce_.newest(first_token);
    if (!salesforce_.alive(newest)) return "Salesforce has ended the grant";
    if (kept_somewhere(newest)) return "its living refresh token is in the store or in a journal";
    // The newest token is nowhere: its answer must have been lost before it reached a journal.
    for (std::string token = first_token;;) {
        const auto* issue = salesforce_.issued_for(token);
        if (issue == nullptr) return "its refresh token was never spent";
        if (issue->next != newest) {
            token = issue->next;
            continue;
        }
        const auto& node = *nodes_[static_cast<std::size_t>(issue->node)];
        const bool lives = node.process && node.process->number == issue->boot;
        // With no room in the journal the row was its only place, and the row was put back.
        const bool both = lossy() && plan_.journal_full > 0;
        if (issue->delivered && lives && !both)
            return "the answer was handed over to a node that lives";
        return {};
    }
}

bool World::kept_somewhere(const std::string& refresh_token) {
    const Secret wanted{refresh_token};
    for (const auto& row : database_.store().all_grants()) {
        if (row.role == Role::former) continue;
        const auto grant = now(vault_.open(row.key, desk_clock_.in(1h)));
        if (grant && grant->refresh_token && grant->refresh_token->same_as(wanted)) return true;
    }
    for (const auto& node : nodes_) {
        Vault vault{database_.store(), node->disk, keys_, "simulated", random_, desk_clock_};
        const auto noted = now(vault.noted(0, 100000, desk_clock_.in(1h)));
        if (!noted) continue;
        // An answer that was cut before the closing quote cannot be told from half a token.
        for (const auto& answer : *noted)
            if (answer.packed.reveal().find(refresh_token + '"') != std::string_view::npos)
                return true;
    }
    return false;
}

}  // namespace latchkey::simulation
