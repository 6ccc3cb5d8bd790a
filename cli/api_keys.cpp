#include <cstdlib>
#include <iostream>

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

int create_api_key(const ApiKeysCommand& command, const FrontDoors& doors) {
    std::set<Permission> may;
    for (const auto& text : command.permissions) {
        auto permission = permission_of(text);
        if (!permission) return fail(permission.error(), command.json);
        may.insert(*permission);
    }
    if (may.empty()) may.insert(Permission::proxy);
    auto backend = open_operators(command, doors);
    if (!backend) return fail(backend.error(), command.json);
    auto made = (*backend)->create_api_key(command.label, std::move(may));
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
        rows.push_back({key.id.text, key.label, may, rfc3339(key.created_at),
                        key.revoked_at ? "revoked " + rfc3339(*key.revoked_at) : "good"});
    }
    print_table({"KEY", "LABEL", "PERMISSIONS", "CREATED", "STANDING"}, rows);
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
