#include "service/dev.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/origin.h"

namespace latchkey::service {
namespace {

constexpr const char* admin_key_file = "/admin-key";

Error file_error(const std::string& path) {
    return {Fault::misconfigured, "file_unwritable",
            path + " cannot be written: " + std::strerror(errno) + "."};
}

Result<void> write_private(const std::string& path, const Secret& content) {
    // A new file each time: an old one's mode is not to be trusted.
    ::unlink(path.c_str());
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return file_error(path);
    const auto text = content.reveal();
    const bool written =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::write(file, "\n", 1) == 1 && ::fsync(file) == 0;
    ::close(file);
    if (!written) return file_error(path);
    return {};
}

}  // namespace

Result<Config> dev_config(const ServerArguments& arguments, boost::asio::io_context& loop, Log& log,
                          const StartEmulator& start_emulator, std::shared_ptr<void>& emulator) {
    Config config;
    for (auto [text, into] : {std::pair{&arguments.listen, &config.listen},
                              std::pair{&arguments.operators_listen, &config.operators_listen}}) {
        if (!*text) continue;
        auto parsed = parse_listen_address(**text);
        if (!parsed) return parsed.error();
        *into = std::move(*parsed);
        if (!Origin{false, into->host, into->port}.loopback())
            return Error{
                Fault::misconfigured, "dev_needs_loopback",
                "--dev listens on a loopback address only, such as 127.0.0.1:8717; write a "
                "configuration file for anything else."};
    }
    if (::mkdir(arguments.data.c_str(), 0700) != 0 && errno != EEXIST)
        return file_error(arguments.data);
    config.database = arguments.data + "/latchkey.db";
    config.master_key = MasterKeyFile{arguments.data + "/master-key", true};

    Provider provider;
    provider.id = ProviderId{"salesforce"};
    provider.client_id = "latchkey-demo";
    provider.proof = SecretProof{Secret{"latchkey-demo-secret"}};
    provider.any_loopback_return_url = true;
    provider.redirect_uri = "http://127.0.0.1/oauth/callback/salesforce";
    if (arguments.provider_url) {
        provider.login_url = *arguments.provider_url;
    } else if (!arguments.config_test) {
        auto running = start_emulator(loop, log);
        if (!running) return running.error();
        provider.login_url = running->url;
        emulator = std::move(running->keep);
    }
    config.providers.push_back(std::move(provider));
    return config;
}

Async<Error> ensure_admin_key(Latchkey& library, std::string data) {
    const auto path = data + admin_key_file;
    if (auto kept = read_small_file(path, true)) {
        Secret key = Secret::take(std::move(*kept));
        auto good = co_await library.async_check_api_key(std::move(key),
                                                         Deadline::in(std::chrono::seconds{10}));
        if (good) co_return Error{};
    }
    std::set<Permission> all;
    for (const auto p : {Permission::connect, Permission::read, Permission::token,
                         Permission::proxy, Permission::admin})
        all.insert(p);
    ApiKeyWish wish{"dev admin", std::move(all)};
    auto made = co_await library.async_create_api_key(std::move(wish),
                                                      Deadline::in(std::chrono::seconds{10}));
    if (!made) co_return made.error();
    const auto written = write_private(path, made->secret);
    if (!written) co_return written.error();
    co_return Error{};
}

}  // namespace latchkey::service
