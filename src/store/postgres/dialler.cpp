#include "store/postgres/dialler.h"

#include <array>
#include <chrono>
#include <utility>

#include "base/text.h"
#include "store/errors.h"

namespace latchkey::postgres {
namespace {

using namespace std::chrono_literals;

/// The first round passes quickly over a host that is frozen; the second is for hosts that are far
/// away or busy. A string with one host has nothing to pass on to.
constexpr std::chrono::milliseconds patience{500};
constexpr std::chrono::milliseconds patience_again{2000};
constexpr std::chrono::milliseconds patience_with_one{5000};
/// While nobody can be reached, the callers of this long share one failure.
constexpr auto shared_failure = 100ms;

constexpr const char* takes_changes =
    "SELECT NOT pg_catalog.pg_is_in_recovery()"
    " AND pg_catalog.current_setting('transaction_read_only') = 'off', pg_catalog.pg_backend_pid()";

/// What a string may say otherwise. Kerberos would ask its own servers and block the loop; the
/// kernel's own time-outs end connections of which nobody is waiting for an answer.
constexpr std::array<std::pair<const char*, const char*>, 6> usual{{
    {"application_name", "latchkey"},
    {"gssencmode", "disable"},
    {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "10000"},
}};

}  // namespace

Dialler::Dialler(Dsn dsn, Executor on, Clock& clock, Resolver& resolver, Log& log)
    : dsn_(std::move(dsn)), on_(on), clock_(clock), resolver_(resolver), log_(log) {}

Task<std::unique_ptr<Link>> Dialler::dial(Deadline by) {
    if (last_failure_ && clock_.steady() - failed_at_ < shared_failure) co_return *last_failure_;
    last_failure_.reset();
    const bool one = dsn_.hosts.size() == 1;
    auto link = co_await dial_round(one ? patience_with_one : patience, by);
    if (!link && !one && !by.passed(clock_.steady()))
        link = co_await dial_round(patience_again, by);
    // That a caller had no time left says nothing about the hosts.
    if (!link && !by.passed(clock_.steady())) {
        last_failure_ = link.error();
        failed_at_ = clock_.steady();
    }
    co_return link;
}

void Dialler::doubt(std::size_t host) {
    // Of several links to it the first one to run out of time has said it for all.
    if (host == good_) good_ = (good_ + 1) % dsn_.hosts.size();
}

Task<std::unique_ptr<Link>> Dialler::dial_round(std::chrono::milliseconds each, Deadline by) {
    std::optional<Error> worst;
    const auto first = good_;
    for (std::size_t i = 0; i < dsn_.hosts.size(); ++i) {
        const auto which = (first + i) % dsn_.hosts.size();
        const auto until = by.sooner(clock_.steady() + each);
        auto link = co_await dial_host(which, until);
        if (link) {
            if (which != good_)
                log_.write(Level::info, "store_host", {{"host", dsn_.hosts[which].shown()}});
            good_ = which;
            co_return link;
        }
        log_.write(Level::warning, "store_unreachable",
                   {{"host", dsn_.hosts[which].shown()},
                    {"code", link.error().code},
                    {"what", link.error().message},
                    {"remote_text", link.error().remote_text}});
        // That a standby was there, or refused us, says more than that another one was not.
        if (!worst || worst->code == "storage_unavailable" ||
            link.error().code == "storage_read_only")
            worst = link.error();
        if (by.passed(clock_.steady())) break;
    }
    co_return *worst;
}

Task<std::unique_ptr<Link>> Dialler::dial_host(std::size_t which, Deadline by) {
    const Host& host = dsn_.hosts[which];
    std::vector<std::string> addresses{host.address};
    if (host.address.empty() && !host.local()) {
        // libpq would ask for the name and block the loop.
        auto found = co_await resolver_.resolve(host.name, by);
        if (!found) {
            auto refused = store_error::unavailable("the database's name could not be resolved");
            refused.remote_text = found.error().message;
            co_return refused;
        }
        addresses = std::move(*found);
    }
    Error last = store_error::unavailable("the database did not answer in time");
    for (auto& address : addresses) {
        auto link = co_await dial_address(which, std::move(address), by);
        if (link) co_return link;
        last = link.error();
        if (by.passed(clock_.steady())) break;
    }
    co_return last;
}

Task<std::unique_ptr<Link>> Dialler::dial_address(std::size_t which, std::string address,
                                                  Deadline by) {
    const Host& host = dsn_.hosts[which];
    auto settings = dsn_.settings;
    const auto add = [&](const char* key, const std::string& value) {
        if (!value.empty()) settings.emplace_back(key, Secret{value});
    };
    for (const auto& [key, value] : usual) {
        bool given = false;
        for (const auto& setting : dsn_.settings) given = given || setting.first == key;
        if (!given) add(key, value);
    }
    add("host", host.name);
    add("hostaddr", address);
    add("port", host.port);
    add("client_encoding", "UTF8");

    auto link = std::make_unique<Link>(on_, clock_);
    auto opened = co_await link->open(std::move(settings), by);
    if (!opened) co_return opened.error();
    auto question = reading(takes_changes);
    auto asked = co_await link->run(std::move(question), by);
    if (asked.kind == Outcome::Kind::done && asked.rows.next()) {
        if (!asked.rows.truth()) co_return store_error::read_only();
        link->prepare_from_here(asked.rows.number());
        co_return std::move(link);
    }
    auto refused = store_error::unavailable("the database did not say whether it takes changes");
    refused.remote_text = asked.what;
    co_return refused;
}

}  // namespace latchkey::postgres
