#include "service/run.h"

#include <csignal>
#include <cstdio>
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json.hpp>

#include "base/hardening.h"
#include "facade/check_providers.h"
#include "facade/master_key_file.h"
#include "net/tls.h"
#include "service/dev.h"
#include "service/json_log.h"
#include "service/server.h"

namespace latchkey::service {
namespace {

constexpr int refused_configuration = 78;
constexpr std::chrono::seconds stop_patience{40};

int complain(const Error& error) {
    std::cerr << "latchkey server: " << error.message << "\n";
    if (error.fault == Fault::misconfigured || error.fault == Fault::bad_input)
        return refused_configuration;
    return 1;
}

Result<Config> read_config(const ServerArguments& arguments) {
    ConfigSources sources;
    sources.environment = latchkey_environment();
    if (arguments.listen) sources.flags["server.listen"] = *arguments.listen;
    if (arguments.operators_listen)
        sources.flags["server.operators_listen"] = *arguments.operators_listen;
    if (arguments.public_url) sources.flags["public_url"] = *arguments.public_url;
    if (!arguments.config_file.empty()) {
        auto text = read_small_file(arguments.config_file, false);
        if (!text) return text.error();
        sources.file_name = arguments.config_file;
        sources.file_text = std::move(*text);
    }
    return load_config(sources);
}

/// What a start would refuse, as far as it can be known without opening or making anything.
Result<void> check(const Config& config) {
    auto providers = check_providers(config.providers);
    if (!providers) return providers.error();
    auto master_key = check_master_key(config.master_key);
    if (!master_key) return master_key.error();
    if (config.tls) {
        const auto tls = TlsContext::server(*config.tls);
        if (!tls) return tls.error();
    }
    const auto trusted = TlsContext::client(config.ca_file);
    if (!trusted) return trusted.error();
    return {};
}

using Signals = boost::asio::basic_signal_set<Executor>;

Async<void> stop_on_signal(boost::asio::io_context& loop, Signals& signals, Server& server,
                           Log& log) {
    const int number = co_await signals.async_wait(use_task);
    log.write(Level::info, "server_stopping", {{"signal", number}});
    co_await server.stop(Deadline::in(stop_patience));
    loop.stop();
}

/// New connections find renewed files by themselves; a hangup takes them up at once and says whether
/// they can be used.
Async<void> renew_certificate_on_hangup(Signals& hangups, Server& server, Log& log) {
    for (;;) {
        boost::system::error_code failed;
        co_await hangups.async_wait(boost::asio::redirect_error(use_task, failed));
        if (failed) co_return;
        const auto renewed = server.renew_certificate();
        if (!renewed)
            log.write(Level::info, "nothing_to_renew", {{"why", "no certificate is configured"}});
        else if (*renewed)
            log.write(Level::info, "certificate_renewed", {});
        else
            log.write(Level::error, "certificate_refused", {{"why", renewed->error().message}});
    }
}

}  // namespace

int run_server(const ServerArguments& arguments, const StartEmulator& start_emulator) {
    JsonLog log{arguments.verbose ? Level::debug : Level::info};
    if (const auto hardened = forbid_memory_dumps(); !hardened)
        log.write(Level::warning, "memory_dumps_possible", {{"why", hardened.error().message}});
    boost::asio::io_context loop{1};
    std::shared_ptr<void> emulator;  // behind the loop here, so it is gone before it

    auto config = arguments.dev ? dev_config(arguments, loop, log, start_emulator, emulator)
                                : read_config(arguments);
    if (!config) return complain(config.error());
    if (arguments.config_test) {
        const auto checked = check(*config);
        if (!checked) return complain(checked.error());
        std::cout << "The configuration is valid.\n";
        return 0;
    }
    Server server{loop, std::move(*config), log, [&log] { return log.dropped(); }};
    if (const auto started = server.start(arguments.dev); !started)
        return complain(started.error());
    // From here on, so that whoever reads that it is ready may also tell it to stop.
    Signals signals{loop.get_executor(), SIGINT, SIGTERM};
    Signals hangups{loop.get_executor(), SIGHUP};
    boost::asio::co_spawn(loop, stop_on_signal(loop, signals, server, log), boost::asio::detached);
    boost::asio::co_spawn(loop, renew_certificate_on_hangup(hangups, server, log),
                          boost::asio::detached);

    const auto ready = [&] {
        std::cout << boost::json::serialize(
                         boost::json::object{{"ready", true},
                                             {"url", server.public_url()},
                                             {"operators_url", server.operators_url()}})
                  << std::endl;
    };
    if (!arguments.dev)
        ready();
    else
        boost::asio::co_spawn(loop, ensure_admin_key(server.library(), arguments.data),
                              [&](std::exception_ptr, Error failed) {
                                  if (failed.code.empty()) return ready();
                                  complain(failed);
                                  loop.stop();
                              });
    loop.run();
    return 0;
}

}  // namespace latchkey::service
