#include "tests/simulation/database.h"

namespace latchkey::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t backups_kept = 8;

}  // namespace

Database::Database(Agenda& agenda, Dice dice, const Plan& plan)
    : agenda_(agenda),
      dice_(dice),
      plan_(plan),
      seat_{agenda, loop, ready},
      clock_(seat_, skew_),
      random_(dice_.fork()),
      store_(std::make_unique<MemoryStore>(clock_, random_)) {}

void Database::calm() {
    calm_ = true;
    away_until_ = agenda_.now();
}

void Database::go_away(milliseconds how_long) {
    away_until_ = std::max(away_until_, agenda_.now() + how_long);
}

void Database::fail_over(milliseconds gap, bool loses) {
    go_away(gap);
    if (loses) store_->put_back(standby_);
    store_->new_timeline();
}

void Database::step() {
    if (calm_ || !dice_.permille(plan_.steps_struck)) return;
    standby_ = store_->all_grants();
    agenda_.in(dice_.between(1ms, 40ms), [this] {
        if (!calm_) fail_over(dice_.between(0ms, 300ms), true);
    });
}

void Database::restore() {
    if (backups_.empty()) return;
    store_->put_back(backups_.front());
    store_->new_timeline();
    standby_ = store_->all_grants();
}

void Database::replicate() {
    standby_ = store_->all_grants();
    if (plan_.restore_every.count() == 0) return;
    backups_.push_back(standby_);
    if (backups_.size() > backups_kept) backups_.pop_front();
}

milliseconds Database::way() {
    if (!calm_ && dice_.permille(plan_.store_slow))
        return dice_.between(milliseconds{200}, milliseconds{4000});
    return dice_.between(milliseconds{0}, plan_.store_most);
}

Database::Fate Database::draw(bool writes) {
    if (calm_) return Fate::well;
    if (dice_.permille(plan_.store_unavailable)) return Fate::away;
    if (writes && dice_.permille(plan_.store_unknown))
        return dice_.one_in(2) ? Fate::unknown_before : Fate::unknown_after;
    return Fate::well;
}

}  // namespace latchkey::simulation
