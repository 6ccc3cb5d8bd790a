#include "cli/state.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "base/text.h"

namespace latchkey::cli {
namespace {

Error folder_error(const std::string& path, const std::string& why) {
    return {Fault::misconfigured, "state_folder", path + ": " + why + "."};
}

Result<std::string> folder_path() {
    if (const char* own = std::getenv("LATCHKEY_STATE"); own != nullptr && *own != '\0')
        return std::string{own};
    if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/')
        return std::string{state} + "/latchkey";
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
        return std::string{home} + "/.local/state/latchkey";
    return folder_error("HOME", "is not set; name a folder in LATCHKEY_STATE");
}

std::string text_of(const boost::json::object& from, const char* name) {
    const auto* value = from.if_contains(name);
    return value != nullptr && value->is_string() ? std::string{value->get_string()}
                                                  : std::string{};
}

}  // namespace

Result<StateFolder> StateFolder::open() {
    auto path = folder_path();
    if (!path) return path.error();
    StateFolder state;
    state.folder_ = *path;
    std::error_code failed;
    const std::filesystem::path folder{state.folder_};
    if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), failed);
    if (::mkdir(state.folder_.c_str(), 0700) != 0 && errno != EEXIST)
        return folder_error(state.folder_, std::strerror(errno));

    std::ifstream file{state.folder_ + "/cli.json"};
    if (!file) return state;
    std::stringstream text;
    text << file.rdbuf();
    boost::system::error_code broken;
    const auto value = boost::json::parse(text.str(), broken);
    if (broken || !value.is_object())
        return Error{Fault::misconfigured, "state_file_damaged",
                     state.folder_ + "/cli.json is not JSON; move it away and log in again."};
    const auto& object = value.get_object();
    if (const auto* list = object.if_contains("providers"); list != nullptr && list->is_array())
        for (const auto& item : list->get_array()) {
            if (!item.is_object()) continue;
            const auto& entry = item.get_object();
            KnownProvider known{text_of(entry, "id"),
                                text_of(entry, "client_id"),
                                text_of(entry, "client_secret_file"),
                                text_of(entry, "login_url"),
                                text_of(entry, "redirect_uri"),
                                {}};
            if (const auto* scopes = entry.if_contains("scopes");
                scopes != nullptr && scopes->is_array())
                for (const auto& scope : scopes->get_array())
                    if (scope.is_string()) known.scopes.emplace_back(scope.get_string());
            state.providers_.push_back(std::move(known));
        }
    if (const auto* aliases = object.if_contains("aliases");
        aliases != nullptr && aliases->is_object())
        for (const auto& [alias, id] : aliases->get_object())
            if (id.is_string()) state.aliases_.emplace(alias, id.get_string());
    return state;
}

Result<void> StateFolder::save() const {
    boost::json::array providers;
    for (const auto& p : providers_) {
        boost::json::array scopes(p.scopes.begin(), p.scopes.end());
        providers.emplace_back(boost::json::object{{"id", p.id},
                                                   {"client_id", p.client_id},
                                                   {"client_secret_file", p.client_secret_file},
                                                   {"login_url", p.login_url},
                                                   {"redirect_uri", p.redirect_uri},
                                                   {"scopes", std::move(scopes)}});
    }
    boost::json::object aliases;
    for (const auto& [alias, id] : aliases_) aliases[alias] = id;
    const auto text = boost::json::serialize(boost::json::object{
                          {"providers", std::move(providers)}, {"aliases", std::move(aliases)}}) +
                      "\n";
    const auto path = folder_ + "/cli.json";
    const auto fresh = path + ".new";
    const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return folder_error(fresh, std::strerror(errno));
    const bool written =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(file) == 0;
    ::close(file);
    if (!written || std::rename(fresh.c_str(), path.c_str()) != 0)
        return folder_error(path, std::strerror(errno));
    return {};
}

Options StateFolder::options() const {
    Options options;
    options.database = folder_ + "/latchkey.db";
    options.master_key = MasterKeyFile{folder_ + "/master-key", true};
    for (const auto& known : providers_) {
        Provider provider;
        provider.id = ProviderId{known.id};
        provider.client_id = known.client_id;
        provider.login_url = known.login_url;
        provider.redirect_uri = known.redirect_uri;
        provider.scopes = known.scopes;
        provider.any_loopback_return_url = true;
        provider.proof = PublicProof{};
        if (!known.client_secret_file.empty()) {
            auto secret = read_secret_file(known.client_secret_file);
            if (!secret) {
                // The connections of the other registrations are still good for use.
                std::cerr << "Connections of client " << printable(known.client_id)
                          << " cannot be used now: " << secret.error().message << "\n";
                continue;
            }
            provider.proof = SecretProof{std::move(*secret)};
        }
        options.providers.push_back(std::move(provider));
    }
    return options;
}

Result<Secret> read_secret_file(const std::string& path) {
    const auto refuse = [&](const std::string& why) {
        return Error{Fault::misconfigured, "secret_file", path + ": " + why + "."};
    };
    const bool standard_input = path == "-";
    const int file = standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return refuse(std::strerror(errno));
    struct stat facts{};
    const bool open_to_others = ::fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) &&
                                (facts.st_mode & (S_IRGRP | S_IROTH)) != 0;
    std::string text(4097, '\0');
    std::size_t size = 0;
    while (!open_to_others && size < text.size()) {
        const auto got = ::read(file, text.data() + size, text.size() - size);
        if (got <= 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (!standard_input) ::close(file);
    if (open_to_others) return refuse("it holds a secret and is readable by others; chmod 600 it");
    if (size > 4096) return refuse("it is larger than 4 KiB");
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) --size;
    if (size == 0) return refuse("it is empty");
    Secret secret{std::string_view{text}.substr(0, size)};
    wipe(text);
    return secret;
}

}  // namespace latchkey::cli
