#include <cstdlib>
#include <iostream>
#include <utility>

#include <boost/json.hpp>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/output.h"

namespace latchkey::cli {

Result<std::unique_ptr<Backend>> open_operators(const OperatorsCommand& command,
                                                const FrontDoors& doors) {
    if (!command.data.empty()) {
        Options options;
        options.database = command.data + "/latchkey.db";
        options.master_key = MasterKeyFile{command.data + "/master-key", false};
        return open_local(std::move(options));
    }
    if (command.config_file.empty() && std::getenv("LATCHKEY_SERVER") != nullptr)
        return open_backend();
    auto options = doors.server_options(command.config_file);
    if (!options) return options.error();
    return open_local(std::move(*options));
}

namespace {

Result<ApiKeyWish> wish_of(const ApiKeysCommand& command) {
    ApiKeyWish wish;
    wish.label = command.label;
    for (const auto& text : command.permissions) {
        auto permission = permission_of(text);
        if (!permission) return permission.error();
        wish.permissions.insert(*permission);
    }
    if (wish.permissions.empty()) wish.permissions.insert(Permission::proxy);
    // A command line's options have no order among each other, so what is denied stands first.
    for (const auto& [verb, rules] :
         {std::pair{"deny ", &command.deny}, std::pair{"allow ", &command.allow}})
        for (const auto& text : *rules) {
            auto rule = path_rule_of(verb + text);
            if (!rule) return rule.error();
            wish.rules.paths.push_back(std::move(*rule));
        }
    wish.rules.limits = command.limits;
    auto priority = priority_of(command.priority);
    if (!priority) return priority.error();
    wish.rules.priority = *priority;
    auto good = check_rules(wish.rules);
    if (!good) return good.error();
    return wish;
}

/// "3 rules, 50/s, 20 at once, low"; empty for a key without.
std::string shown(const KeyRules& rules) {
    std::string out;
    const auto add = [&](const std::string& what) { out += (out.empty() ? "" : ", ") + what; };
    if (!rules.paths.empty())
        add(std::to_string(rules.paths.size()) + (rules.paths.size() == 1 ? " rule" : " rules"));
    if (rules.limits.rate > 0) add(std::to_string(rules.limits.rate) + "/s");
    if (rules.limits.concurrency > 0) add(std::to_string(rules.limits.concurrency) + " at once");
    if (rules.priority != Priority::normal) add(name(rules.priority));
    return out;
}

}  // namespace

int create_api_key(const ApiKeysCommand& command, const FrontDoors& doors) {
    auto wish = wish_of(command);
    if (!wish) return fail(wish.error(), command.json);
    auto backend = open_operators(command, doors);
    if (!backend) return fail(backend.error(), command.json);
    auto made = (*backend)->create_api_key(std::move(*wish));
    if (!made) return fail(made.error(), command.json);
    // Printed once; nobody can read it again.
    if (command.json) {
        auto out = to_json(made->key);
        out["key"] = made->secret.reveal();
        print_json(out);
    } else {
        std::cout << made->secret.reveal() << "\n";
    }
    return 0;
}

int list_api_keys(const ApiKeysCommand& command, const FrontDoors& doors) {
    auto backend = open_operators(command, doors);
    if (!backend) return fail(backend.error(), command.json);
    auto keys = (*backend)->api_keys();
    if (!keys) return fail(keys.error(), command.json);
    if (command.json) {
        boost::json::array items;
        for (const auto& key : *keys) items.emplace_back(to_json(key));
        print_json({{"items", std::move(items)}});
        return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& key : *keys) {
        std::string may;
        for (const auto permission : key.permissions)
            may += (may.empty() ? "" : ",") + std::string{name(permission)};
        rows.push_back({key.id.text, key.label, may, shown(key.rules), rfc3339(key.created_at),
                        key.revoked_at ? "revoked " + rfc3339(*key.revoked_at) : "good"});
    }
    print_table({"KEY", "LABEL", "PERMISSIONS", "RULES", "CREATED", "STANDING"}, rows);
    return 0;
}

int revoke_api_key(const ApiKeysCommand& command, const FrontDoors& doors) {
    auto backend = open_operators(command, doors);
    if (!backend) return fail(backend.error(), command.json);
    auto key = (*backend)->revoke_api_key(ApiKeyId{command.id});
    if (!key) return fail(key.error(), command.json);
    if (command.json)
        print_json(to_json(*key));
    else
        std::cout << key->id.text << ": revoked\n";
    return 0;
}

}  // namespace latchkey::cli
