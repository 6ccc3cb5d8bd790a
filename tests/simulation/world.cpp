#include "tests/simulation/world.h"

#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace latchkey::simulation {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds ask_for{20000};
/// Beyond the quiet period and the observation of a silent attempt.
constexpr milliseconds settles_within = 5min + 60s + 95s;

/// Guarded memory is dear to make, so all runs of a process share it.
const KeyRing& one_key() {
    static const KeyRing ring = [] {
        KeyRing made;
        made.add("00000001", Secret{std::string(32, 'k')}).value();
        return made;
    }();
    return ring;
}

Provider provider(const Plan& plan) {
    Provider made;
    made.introspection_trusted = plan.asked;
    made.uncertain = plan.reauth ? UncertainPolicy::reauth : UncertainPolicy::wait;
    made.id = ProviderId{"salesforce"};
    made.client_id = "latchkey-demo";
    made.proof = SecretProof{Secret{"latchkey-demo-secret"}};
    made.login_url = salesforce_url;
    made.redirect_uri = "http://127.0.0.1:8717/oauth/callback/salesforce";
    return made;
}

}  // namespace

World::World(std::uint64_t seed, bool trace)
    : trace_(trace),
      plan_(seed),
      dice_(plan_.dice.fork()),
      keys_(one_key()),
      providers_({provider(plan_)}),
      database_(agenda_, dice_.fork(), plan_),
      salesforce_(agenda_, dice_.fork(), plan_),
      around_{agenda_, plan_, database_, salesforce_, keys_, providers_, trace},
      desk_{agenda_, database_.loop, database_.ready},
      desk_clock_(desk_, skew_),
      random_(dice_.fork()),
      desk_journal_(NodeId{"desk"}, desk_clock_),
      vault_(database_.store(), desk_journal_, keys_, "simulated", random_, desk_clock_) {}

World::~World() {
    nodes_.clear();
}

void World::connect(Connected& who, Epoch epoch) {
    const auto tokens = salesforce_.consent();
    who.first_token = tokens.refresh;
    who.consents.emplace(epoch, tokens.refresh);
    who.grants.insert(tokens.grant);
    GrantRow facts;
    facts.key = GrantKey{who.id, epoch};
    facts.provider = ProviderId{"salesforce"};
    facts.login_url = salesforce_url;
    facts.instance_url = salesforce_url;
    facts.org_id = tokens.org_id;
    facts.user_id = tokens.user_id;
    FreshTokens fresh;
    fresh.access_token = Secret{tokens.access};
    fresh.refresh_token = Secret{tokens.refresh};
    fresh.instance_url = salesforce_url;
    fresh.received_at = desk_clock_.wall();
    Connection shown;
    shown.id = who.id;
    shown.end_user = who.id.text;
    shown.provider = facts.provider;
    shown.instance_url = salesforce_url;
    shown.connected_at = desk_clock_.wall();
    const auto by = desk_clock_.in(1h);
    if (!now(vault_.keep_candidate(facts, fresh, by)) || !now(vault_.promote(facts.key, shown, by)))
        fail("a consent could not be kept");
}

void World::every(milliseconds mean, std::function<void()> act) {
    if (mean.count() == 0) return;
    agenda_.in(dice_.between(mean / 4, mean * 7 / 4), [this, mean, act = std::move(act)] {
        if (!faults_) return;
        act();
        every(mean, act);
    });
}

void World::begin() {
    connected_.resize(static_cast<std::size_t>(plan_.grants));
    for (std::size_t i = 0; i < connected_.size(); ++i) {
        connected_[i].id = ConnectionId{"cn_" + std::to_string(i)};
        connect(connected_[i], Epoch{1});
    }
    for (int i = 0; i < plan_.nodes; ++i) {
        nodes_.push_back(std::make_unique<Node>(around_, i, desk_, desk_clock_));
        nodes_.back()->boot(dice_);
    }
    database_.replicate();
    begin_faults();
    agenda_.in(plan_.trouble, [this] { end_faults(); });
}

void World::begin_faults() {
    every(plan_.crash_every, [this] { crash_one(); });
    every(plan_.freeze_every, [this] { freeze_one(); });
    every(plan_.clock_jump_every, [this] { jump_clock(); });
    every(plan_.rotation_switch_every, [this] { salesforce_.switch_rotation(); });
    every(plan_.user_revokes_every, [this] { withdraw_one(); });
    every(plan_.reconnect_every, [this] { reconnect_one(); });
    every(plan_.revoke_every, [this] { revoke_one(); });
    every(plan_.outage_every, [this] { database_.go_away(dice_.between(500ms, 30s)); });
    every(plan_.failover_every,
          [this] { database_.fail_over(dice_.between(100ms, 6s), plan_.failover_loses); });
    every(plan_.restore_every, [this] { database_.restore(); });
    const bool lagging = plan_.failover_loses || plan_.restore_every.count() > 0;
    if (lagging) every(dice_.between(50ms, 4s), [this] { database_.replicate(); });
    for (auto& node : nodes_)
        every(plan_.ask_every, [this, n = node.get()] {
            auto& who = connected_[dice_.below(connected_.size())];
            const bool refused = dice_.permille(plan_.refused);
            ask(*n, who, refused);
            if (!plan_.rush) return;
            for (auto& other : nodes_)
                if (other.get() != n) ask(*other, who, refused);
        });
}

void World::end_faults() {
    faults_ = false;
    calm_since_ = agenda_.now();
    if (trace_)
        std::printf("%9.3f ---- the faults are over\n", double(agenda_.age().count()) / 1e3);
    database_.calm();
    salesforce_.calm();
    for (auto& node : nodes_) {
        node->frozen = false;
        node->full = 0;
        node->ready = true;
        if (node->process) node->process->stops.never();
        if (!node->process) node->boot(dice_);
        node->process->stops.never();
    }
    check_all();
}

void World::crash_one() {
    bury(*nodes_[dice_.below(nodes_.size())]);
}

void World::bury(Node& node) {
    if (!node.process) return;
    ++verdict_.crashes;
    node.crash(plan_.power_cuts && dice_.one_in(2));
    node.frozen = false;
    // Most are back soon; some stay away for as long as others need to take over.
    const auto away = dice_.one_in(4) ? dice_.between(1s, 200s) : dice_.between(50ms, 5s);
    agenda_.in(away, [this, &node] {
        if (faults_) node.boot(dice_);
    });
}

void World::freeze_one() {
    auto& node = *nodes_[dice_.below(nodes_.size())];
    if (node.frozen) return;
    node.frozen = true;
    if (node.process) node.process->log.write(Level::warning, "FROZEN", {});
    agenda_.in(dice_.between(100ms, plan_.freeze_most), [&node] {
        node.frozen = false;
        node.ready = true;
    });
}

void World::jump_clock() {
    auto& node = *nodes_[dice_.below(nodes_.size())];
    node.skew += std::chrono::seconds{
        dice_.one_of({-86400, -3600, -60, -1, 1, 60, 3600, 86400, 2000000000})};
    if (node.skew > std::chrono::hours{24 * 365 * 80}) node.skew = std::chrono::seconds{0};
}

void World::reconnect_one() {
    auto& who = connected_[dice_.below(connected_.size())];
    auto last = now(database_.store().grants().last_epoch(who.id, desk_clock_.in(1h)));
    connect(who, last.value().next());
    who.revoked = false;
}

void World::revoke_one() {
    auto& who = connected_[dice_.below(connected_.size())];
    const auto begun = now(database_.store().grants().begin_revocation(who.id, desk_clock_.in(1h)));
    who.revoked = begun.has_value();
}

void World::withdraw_one() {
    auto& who = connected_[dice_.below(connected_.size())];
    salesforce_.withdraw(who.first_token);
    withdrawn_.insert(who.first_token);
}

void World::ask(Node& node, Connected& who, bool refused) {
    if (!node.process || !node.process->serving || node.frozen) return;
    TokenDemand demand;
    if (refused && who.newest.value > 0) demand = TokenDemand::newer(who.newest);
    auto& boot = *node.process;
    boost::asio::co_spawn(boot.loop, ask_token(boot, who, demand), boost::asio::detached);
    node.ready = true;
}

Async<void> World::ask_token(Boot& boot, Connected& who, TokenDemand demand) {
    const auto floor = boot.seen[who.id];
    // A caller from before may have died with its node; only those of the calm are waited for.
    const bool counts = !faults_;
    if (counts) who.asking = true;
    auto token = co_await boot.refresher.token(who.id, demand, boot.clock.in(ask_for));
    if (counts) who.asking = false;
    told(boot, who, demand, floor, token);
}

/// A node, the database or Salesforce may have something to do now.
void World::pump() {
    for (bool busy = true; busy;) {
        busy = false;
        if (database_.ready) {
            busy = true;
            database_.ready = false;
            database_.loop.restart();
            database_.loop.poll();
        }
        if (salesforce_.ready) {
            busy = true;
            salesforce_.ready = false;
            salesforce_.loop.restart();
            salesforce_.loop.poll();
        }
        for (auto& node : nodes_) {
            if (!node->ready || node->frozen) continue;
            busy = busy || node->process;
            node->ready = false;
            node->run();
            if (node->process && node->process->stops.dead()) bury(*node);
        }
    }
}

Verdict World::run() {
    begin();
    pump();
    while (!over_ && verdict_.failure.empty() && agenda_.step()) {
        pump();
        // Without introspection a doubt may last until the second use, and after it once more.
        const auto within = settles_within + (plan_.asked ? 0s : 2 * plan_.times.second_use_after);
        if (!faults_ && agenda_.now() - calm_since_ > within && !over_) fail("it does not settle");
    }
    verdict_.refreshes = salesforce_.ledger().totals().refreshes;
    return verdict_;
}

}  // namespace latchkey::simulation
