#include <iostream>

#include <boost/json.hpp>

#include <latchkey/latchkey.h>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/output.h"

// What an operator does when a secret may have been seen: other keys, and stopping all use.

namespace latchkey::cli {
namespace {

boost::json::object to_json(const SealingKey& key) {
    return {{"id", key.id},
            {"stage", name(key.stage)},
            {"seals", key.seals},
            {"created_at", rfc3339(key.created_at)},
            {"tokens", key.tokens}};
}

boost::json::object to_json(const KillSwitch& one) {
    boost::json::object out{{"since", rfc3339(one.since)},
                            {"reason", one.reason},
                            {"revokes", one.revokes},
                            {"swept", one.swept}};
    if (!one.provider.text.empty()) out["provider"] = one.provider.text;
    if (!one.stored) out["stored"] = false;
    return out;
}

/// An empty provider is a variable that was not set, and never means all of them.
Result<ProviderId> scope_of(const KillSwitchCommand& command) {
    if (!command.provider) return ProviderId{};
    if (command.provider->empty() || command.all)
        return Error{
            Fault::bad_input, "all_or_provider",
            "--provider needs the id of a provider, and excludes --all. Leave it out to mean "
            "all providers."};
    return ProviderId{*command.provider};
}

std::string scope_of(const KillSwitch& one) {
    return one.provider.text.empty() ? "all providers" : one.provider.text;
}

/// How far the order to revoke has come.
std::string revoking(const KillSwitch& one) {
    if (!one.revokes) return "no";
    return one.swept ? "all are being revoked" : "under way";
}

std::string standing(const SealingKey& key) {
    if (key.stage == KeyStage::announced) return "announced";
    return key.seals ? "seals" : "opens only";
}

}  // namespace

int list_sealing_keys(const OperatorsCommand& command, const FrontDoors& doors) {
    auto backend = open_operators(command, doors);
    if (!backend) return fail(backend.error(), command.json);
    const auto found = (*backend)->sealing_keys();
    if (!found) return fail(found.error(), command.json);
    if (command.json) {
        boost::json::array items;
        for (const auto& key : found->keys) items.emplace_back(to_json(key));
        boost::json::array waiting;
        for (const auto& node : found->waiting_for) waiting.emplace_back(node.text);
        print_json({{"items", std::move(items)}, {"waiting_for", std::move(waiting)}});
        return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& key : found->keys)
        rows.push_back(
            {key.id, standing(key), std::to_string(key.tokens), rfc3339(key.created_at)});
    print_table({"SEALING KEY", "STANDING", "TOKENS", "CREATED"}, rows);
    for (const auto& node : found->waiting_for)
        std::cout << "Waiting until node " << node.text << " reads the announced key.\n";
    return 0;
}

int change_sealing_key(const OperatorsCommand& command, const FrontDoors& doors) {
    auto backend = open_operators(command, doors);
    if (!backend) return fail(backend.error(), command.json);
    const auto added = (*backend)->change_sealing_key();
    if (!added) return fail(added.error(), command.json);
    if (command.json)
        print_json(to_json(*added));
    else
        std::cout << "Added sealing key " << added->id
                  << ". It is used as soon as every node reads it, and then all stored tokens are "
                     "sealed with it; `latchkey keys list` shows how far that is.\n";
    return 0;
}

int change_master_key(const MasterKeyCommand& command, const FrontDoors& doors) {
    auto options = stopped_store(command.config_file, command.data, doors);
    if (!options) return fail(options.error(), command.json);
    if (!command.data.empty())
        options->master_key = MasterKeyFile{command.data + "/master-key", false};
    const auto changed =
        Latchkey::change_master_key(std::move(*options), MasterKeyFile{command.next_file, true});
    if (!changed) return fail(changed.error(), command.json);
    if (command.json)
        print_json({{"sealing_keys", *changed}});
    else
        std::cout << "The store opens with " << command.next_file
                  << " from now on and with the former master key no more. Keep the former one for "
                     "as long as backups from before are kept.\n";
    return 0;
}

int list_kill_switches(const OperatorsCommand& command, const FrontDoors& doors) {
    auto backend = open_operators(command, doors);
    if (!backend) return fail(backend.error(), command.json);
    const auto found = (*backend)->kill_switches();
    if (!found) return fail(found.error(), command.json);
    if (command.json) {
        boost::json::array items;
        for (const auto& one : *found) items.emplace_back(to_json(one));
        print_json({{"items", std::move(items)}});
        return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : *found)
        rows.push_back({scope_of(one), rfc3339(one.since), revoking(one), one.reason});
    print_table({"STOPPED", "SINCE", "REVOKING", "REASON"}, rows);
    return 0;
}

int turn_on_kill_switch(const KillSwitchCommand& command, const FrontDoors& doors) {
    const auto scope = scope_of(command);
    if (!scope) return fail(scope.error(), command.json);
    if (command.revoke && !command.provider && !command.all)
        return fail(
            Error{Fault::bad_input, "all_or_provider",
                  "Revoking is for good. Say --provider ID for one provider's connections, or "
                  "--all for every connection."},
            command.json);
    KillSwitch wish;
    wish.provider = *scope;
    wish.reason = command.reason;
    wish.revokes = command.revoke;
    auto backend = open_operators(command, doors);
    if (!backend) return fail(backend.error(), command.json);
    const auto on = (*backend)->turn_on_kill_switch(wish);
    if (!on) return fail(on.error(), command.json);
    if (command.json)
        print_json(to_json(*on));
    else
        std::cout << "Stopped: " << scope_of(*on)
                  << (on->stored
                          ? ". Every node refuses within 5 s."
                          : ". The database is away: this node alone knows so far. Say it to the "
                            "others too; it is stored when the database is back.")
                  << (on->revokes ? " The connections are being revoked at Salesforce." : "")
                  << "\n";
    return 0;
}

int turn_off_kill_switch(const KillSwitchCommand& command, const FrontDoors& doors) {
    const auto scope = scope_of(command);
    if (!scope) return fail(scope.error(), command.json);
    auto backend = open_operators(command, doors);
    if (!backend) return fail(backend.error(), command.json);
    const auto off = (*backend)->turn_off_kill_switch(*scope);
    if (!off) return fail(off.error(), command.json);
    if (command.json)
        print_json(to_json(*off));
    else
        std::cout << "No longer stopped: " << scope_of(*off) << "."
                  << (off->revokes ? " What was revoked stays so; its users connect again." : "")
                  << "\n";
    return 0;
}

}  // namespace latchkey::cli
