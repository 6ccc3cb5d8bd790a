#include "facade/key_watch.h"

#include <algorithm>

#include "crypto/sealed_format.h"
#include "store/errors.h"
#include "vault/key_ring_loader.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;

constexpr auto time_to_ask = 10s;
/// Between two pages, so that sealing anew leaves the store to callers.
constexpr auto breath = 50ms;

bool announced(const SealedKey& key) {
    return key.stage == KeyStage::announced;
}

}  // namespace

KeyWatch::KeyWatch(KeyWatchParts parts)
    : parts_(std::move(parts)),
      resealer_(parts_.store.keys(), parts_.ring, parts_.installation, parts_.random, parts_.stops),
      stopping_(std::make_shared<Event>(parts_.loop)) {}

Task<SealingKey> KeyWatch::change(Deadline by) {
    auto kept = co_await parts_.store.keys().all(by);
    if (!kept) co_return kept.error();
    // A key wrapped by another master key than the others could be opened together with them by none.
    const auto read = take_up(parts_.ring, *kept, parts_.master, parts_.installation);
    if (!read) co_return read.error();
    auto next = next_key(parts_.master, parts_.installation, parts_.random, parts_.clock);
    SealingKey shown;
    shown.id = next.id;
    shown.stage = next.stage;
    shown.created_at = next.created_at;
    auto added = co_await parts_.store.keys().add(std::move(next), by);
    if (!added) co_return added.error();
    parts_.stops.reached("CP45");
    parts_.log.write(Level::info, "sealing_key_added", {Field{"key", shown.id}});
    co_return shown;
}

Task<void> KeyWatch::look(Deadline by) {
    auto kept = co_await parts_.store.keys().all(by);
    if (!kept) co_return kept.error();
    auto back = co_await put_back(*kept, by);
    if (!back) co_return back.error();
    if (*back) {
        kept = co_await parts_.store.keys().all(by);
        if (!kept) co_return kept.error();
    }
    const auto read = take_up(parts_.ring, *kept, parts_.master, parts_.installation);
    if (!read) {
        complain(read.error());
        co_return read.error();
    }
    for (const auto& key : *kept)
        if (key.stage == KeyStage::in_use) in_use_[key.id] = key;
    // Under the only key there ever was nothing can be sealed otherwise.
    if (kept->size() == 1 && parts_.ring.size() == 1) resealed_for_ = kept->front().id;
    if (!read->sealing.empty()) {
        const auto seals = seal_with(read->sealing, *kept);
        if (!seals) co_return seals.error();
    }
    complained_.clear();

    const auto waits = std::find_if(kept->begin(), kept->end(), announced);
    const bool waiting = waits != kept->end();
    // While somebody waits for it, it is said again: a fail-over may have lost it.
    if (waiting || told_ != read->newest) {
        auto told = co_await tell(read->newest, by);
        if (!told) co_return told;
    }
    if (!waiting) co_return Result<void>{};
    parts_.stops.reached("CP46");
    const std::string id = waits->id;
    auto lag = co_await lagging(id, by);
    if (!lag) co_return lag.error();
    if (!lag->empty()) co_return Result<void>{};
    // The next look finds it in use, keeps it beside the journal, and seals with it.
    co_return co_await parts_.store.keys().put_in_use(id, by);
}

/// What was sealed with a key is as good as lost without it, so whoever has it brings it back.
Task<bool> KeyWatch::put_back(const std::vector<SealedKey>& there, Deadline by) {
    if (parts_.kept != nullptr)
        for (const auto& key : parts_.kept->keys())
            if (parts_.ring.has(key.id)) in_use_.try_emplace(key.id, key);
    bool some = false;
    for (auto [id, known] : in_use_) {
        const bool forgotten = std::none_of(there.begin(), there.end(),
                                            [&](const SealedKey& key) { return key.id == id; });
        if (!forgotten) continue;
        known.stage = KeyStage::in_use;
        auto added = co_await parts_.store.keys().add(known, by);
        if (!added && added.error().code != store_error::key_exists().code) co_return added.error();
        parts_.log.write(Level::warning, "sealing_key_put_back", {Field{"key", id}});
        some = true;
    }
    co_return some;
}

Task<void> KeyWatch::tell(std::string newest, Deadline by) {
    if (parts_.store.nodes().alone()) co_return Result<void>{};
    auto told = co_await parts_.store.nodes().reads(parts_.who.node, parts_.who.boot, newest, by);
    if (told) told_ = std::move(newest);
    co_return told;
}

/// Only what can be opened after the store has forgotten the key may be sealed with it.
Result<void> KeyWatch::seal_with(std::string id, std::vector<SealedKey> there) {
    if (parts_.kept != nullptr) {
        std::erase_if(there, announced);
        const auto kept = parts_.kept->keep(there);
        if (!kept) {
            complain(kept.error());
            return kept.error();
        }
    }
    if (parts_.ring.sealing() == id) return {};
    const auto seals = parts_.ring.seal_with(id);
    if (seals) parts_.log.write(Level::info, "sealing_key_in_use", {Field{"key", id}});
    return seals;
}

void KeyWatch::complain(const Error& error) {
    if (std::exchange(complained_, error.code) == error.code) return;
    const bool disk = error.fault == Fault::try_later;
    parts_.log.write(Level::error, disk ? "sealing_keys_not_kept" : "sealing_key_unreadable",
                     {Field{"code", error.code}});
}

/// The announced key is the newest, so who reads it says so by its id.
Task<std::vector<NodeId>> KeyWatch::lagging(std::string key, Deadline by) {
    std::vector<NodeId> lag;
    if (parts_.store.nodes().alone()) co_return lag;
    auto rows = co_await parts_.store.nodes().list(by);
    if (!rows) co_return rows.error();
    const auto now = parts_.clock.steady();
    std::map<std::string, Seen> seen;
    for (const auto& row : *rows) {
        if (row.left || row.reads == key) continue;
        const auto name = row.node.text + ' ' + row.boot.text;
        const auto former = seen_.find(name);
        const bool same = former != seen_.end() && former->second.beats == row.beats;
        const Seen one{row.beats, same ? former->second.since : now};
        if (now - one.since < silence) lag.push_back(row.node);
        seen[name] = one;
    }
    seen_ = std::move(seen);
    co_return lag;
}

Task<SealingKeys> KeyWatch::list(Deadline by) {
    auto kept = co_await parts_.store.keys().all(by);
    if (!kept) co_return kept.error();
    auto counts = co_await parts_.store.keys().tokens_by_header(seal_header_bytes, by);
    if (!counts) co_return counts.error();
    SealingKeys shown;
    for (const auto& key : *kept) {
        SealingKey one;
        one.id = key.id;
        one.stage = key.stage;
        one.created_at = key.created_at;
        one.tokens = (*counts)[seal_header(key.id)];
        one.seals = key.id == parts_.ring.sealing();
        shown.keys.push_back(std::move(one));
    }
    const auto waits = std::find_if(kept->begin(), kept->end(), announced);
    if (waits != kept->end()) {
        auto lag = co_await lagging(waits->id, by);
        if (!lag) co_return lag.error();
        shown.waiting_for = std::move(*lag);
    }
    co_return shown;
}

Task<bool> KeyWatch::reseal(Deadline by) {
    const auto sealing = parts_.ring.sealing();
    if (resealed_for_ == sealing) co_return false;
    if (!resealing_from_) {
        resealing_from_ = GrantKey{};
        changed_in_pass_ = 0;
    }
    auto page = co_await resealer_.page(*resealing_from_, by);
    if (!page) co_return page.error();
    changed_in_pass_ += page->changed;
    changed_ += page->changed;
    resealing_from_ = page->last;
    if (!page->end) co_return true;
    resealing_from_.reset();
    // A pass that changed something is followed by one that finds what came back meanwhile.
    if (changed_in_pass_ > 0) co_return true;
    resealed_for_ = sealing;
    if (std::exchange(changed_, 0) == 0) co_return false;
    parts_.stops.reached("CP48");
    parts_.log.write(Level::info, "sealed_anew", {Field{"key", sealing}});
    co_return false;
}

Async<void> KeyWatch::run() {
    while (!stopping_->is_set()) {
        auto rest = std::chrono::milliseconds{every};
        const auto looked = co_await look(parts_.clock.in(time_to_ask));
        if (looked) {
            const auto more = co_await reseal(parts_.clock.in(time_to_ask));
            if (more && *more) rest = breath;
        }
        co_await wait_for(stopping_, parts_.clock, parts_.clock.steady() + rest);
    }
}

}  // namespace latchkey
