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
    auto next = next_key(*kept, parts_.master, parts_.installation, parts_.random, parts_.clock);
    SealingKey shown;
    shown.id = next.id;
    shown.stage = next.stage;
    shown.created_at = next.created_at;
    auto added = co_await parts_.store.keys().add(std::move(next), by);
    // Another node counted to the same number: its key is the new one.
    if (!added && added.error().code == store_error::key_exists().code)
        co_return store_error::key_change_under_way();
    if (!added) co_return added.error();
    parts_.stops.reached("CP45");
    parts_.log.write(Level::info, "sealing_key_added", {Field{"key", shown.id}});
    co_return shown;
}

Task<void> KeyWatch::look(Deadline by) {
    auto kept = co_await parts_.store.keys().all(by);
    if (!kept) co_return kept.error();
    const auto before = parts_.ring.sealing();
    const auto read = take_up(parts_.ring, *kept, parts_.master, parts_.installation);
    if (!read) {
        parts_.log.write(Level::error, "sealing_key_unreadable",
                         {Field{"code", read.error().code}});
        co_return read.error();
    }
    // Under the only key there ever was nothing can be sealed otherwise.
    if (kept->size() == 1) resealed_for_ = kept->front().id;
    if (parts_.ring.sealing() != before)
        parts_.log.write(Level::info, "sealing_key_in_use", {Field{"key", parts_.ring.sealing()}});
    if (!parts_.store.nodes().alone() && told_ != *read) {
        auto told =
            co_await parts_.store.nodes().reads(parts_.who.node, parts_.who.boot, *read, by);
        if (!told) co_return told.error();
        told_ = *read;
    }
    const auto waits = std::find_if(kept->begin(), kept->end(), announced);
    if (waits == kept->end()) co_return Result<void>{};
    parts_.stops.reached("CP46");
    const std::string id = waits->id;
    auto lag = co_await lagging(id, by);
    if (!lag) co_return lag.error();
    if (!lag->empty()) co_return Result<void>{};
    auto put = co_await parts_.store.keys().put_in_use(id, by);
    if (!put) co_return put.error();
    const auto seals = parts_.ring.seal_with(id);
    if (!seals) co_return seals.error();
    parts_.log.write(Level::info, "sealing_key_in_use", {Field{"key", id}});
    co_return Result<void>{};
}

/// Keys are counted and read in order, so who reads a later one reads this one too.
Task<std::vector<NodeId>> KeyWatch::lagging(std::string key, Deadline by) {
    std::vector<NodeId> lag;
    if (parts_.store.nodes().alone()) co_return lag;
    auto rows = co_await parts_.store.nodes().list(by);
    if (!rows) co_return rows.error();
    const auto now = parts_.clock.steady();
    std::map<std::string, Seen> seen;
    for (const auto& row : *rows) {
        if (row.left || row.reads >= key) continue;
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
    parts_.stops.reached("CP48");
    resealed_for_ = sealing;
    if (std::exchange(changed_, 0) > 0)
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
