#include <memory>
#include <utility>

#include <latchkey/latchkey.h>

#include "base/run_here.h"
#include "facade/house.h"
#include "facade/master_key_file.h"
#include "store/errors.h"
#include "vault/key_ring_loader.h"

namespace latchkey {

namespace {

using namespace std::chrono_literals;

constexpr auto time_to_change = 60s;

Error no_next_key() {
    return {Fault::misconfigured, "master_key_file",
            "There is no file with the next master key. Make one: openssl rand -base64 32 > FILE, "
            "with mode 0600."};
}

Result<MasterKey> next_master_key(const MasterKeySource& source, Random& random) {
    const auto* file = std::get_if<MasterKeyFile>(&source);
    if (file == nullptr) return MasterKey::parse(std::get<MasterKeyBytes>(source).key);
    auto text = read_master_key_file(file->path);
    if (!text) return text.error();
    if (*text) return MasterKey::parse(**text);
    if (!file->create) return no_next_key();
    auto made = MasterKey::generate(random);
    const auto kept = make_master_key_file(file->path, made.text());
    if (!kept) return kept.error();
    return made;
}

/// The store keeps the keys under one master key or under the other: the step between is one
/// transaction.
Task<std::size_t> change(Ground& ground, const MasterKey& next, Deadline by) {
    auto& keys = ground.store->keys();
    // A key that this store has forgotten would be left behind under the former master key.
    for (const auto& key : ground.kept_keys->keys()) {
        if (!ground.keys.has(key.id)) continue;
        auto back = co_await keys.add(key, by);
        if (!back && back.error().code != store_error::key_exists().code) co_return back.error();
    }
    auto kept = co_await keys.all(by);
    if (!kept) co_return kept.error();
    auto anew =
        wrapped_anew(std::move(*kept), *ground.master, next, ground.installation.id, ground.random);
    if (!anew) co_return anew.error();
    const auto count = anew->size();
    auto stored = co_await keys.rewrap(std::move(*anew), by);
    if (!stored) co_return stored.error();
    co_return count;
}

}  // namespace

Result<std::size_t> Latchkey::change_master_key(Options options, MasterKeySource next) {
    auto ground = std::make_unique<Ground>(options);
    const auto stored = open_store(*ground, options);
    if (!stored) return stored.error();
    const auto opened = open_keys(*ground, options.master_key);
    if (!opened) return opened.error();
    auto key = next_master_key(next, ground->random);
    if (!key) return key.error();
    boost::asio::io_context loop;
    auto changed = run_here(loop, change(*ground, *key, ground->clock.in(time_to_change)));
    if (changed) ground->log.write(Level::warning, "master_key_changed", {});
    return changed;
}

}  // namespace latchkey
