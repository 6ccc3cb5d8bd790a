#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <boost/asio/executor_work_guard.hpp>

#include "emulator/bench.h"
#include "tests/crash/again.h"
#include "tests/crash/node.h"

using namespace std::chrono_literals;

namespace latchkey::test {
namespace {

/// An emulator that serves on a thread of its own while nodes live and die.
class Salesforce {
public:
    Salesforce() : bench_(options()) {
        url_ = "http://127.0.0.1:" + std::to_string(bench_.emulator.start().value());
    }

    emulator::test::Bench::Tokens log_in() { return bench_.connect(); }
    void misbehave(const std::string& fault) { bench_.control("POST", "faults", fault); }
    void behave() { bench_.control("DELETE", "faults"); }
    std::int64_t total(std::string_view name) { return bench_.total(name); }
    const std::string& url() const { return url_; }

    /// Answers requests until `work` is done, and a moment longer: what has arrived is processed.
    template <class Work>
    void serve_during(Work work) {
        auto guard = boost::asio::make_work_guard(bench_.loop);
        bench_.loop.restart();
        std::thread serving{[this] { bench_.loop.run(); }};
        work();
        std::this_thread::sleep_for(50ms);
        guard.reset();
        bench_.loop.stop();
        serving.join();
    }

private:
    static emulator::Options options() {
        emulator::Options made;
        made.port = 0;
        return made;
    }
    emulator::test::Bench bench_;
    std::string url_;
};

class Folder {
public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "latchkey-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// Starts this binary once more as a node and waits for its end. Returns the wait status.
int run_node(const Salesforce& salesforce, const Folder& folder, const std::string& die_at) {
    std::filesystem::remove(folder.file("report"));
    return run_again(
        "a node of the crash tests",
        {"LATCHKEY_CRASH_AT=" + die_at, "LATCHKEY_CRASH_STORE=" + folder.file("store.db"),
         "LATCHKEY_CRASH_EMULATOR=" + salesforce.url(),
         "LATCHKEY_CRASH_REPORT=" + folder.file("report")},
        folder.file("output"));
}

Report read_report(const Folder& folder) {
    Report report;
    std::ifstream in{folder.file("report")};
    in >> report.state >> report.reason >> report.generation >> report.refreshed;
    return report;
}

/// A connection whose tokens the emulator gave, kept in the store that the nodes will open.
void keep_connection(Salesforce& salesforce, const Folder& folder) {
    const auto tokens = salesforce.log_in();
    NoStops none;
    Keeping keep{folder.file("store.db"), none};
    GrantRow facts;
    facts.key = GrantKey{crash_connection, Epoch{1}};
    facts.provider = ProviderId{"salesforce"};
    facts.login_url = salesforce.url();
    facts.instance_url = salesforce.url();
    FreshTokens fresh;
    fresh.access_token = Secret{tokens.access};
    fresh.refresh_token = Secret{tokens.refresh};
    fresh.instance_url = facts.instance_url;
    fresh.received_at = keep.clock.wall();
    Connection shown;
    shown.id = crash_connection;
    shown.end_user = "ada";
    shown.provider = facts.provider;
    shown.instance_url = facts.instance_url;
    shown.connected_at = keep.clock.wall();
    run(keep.loop, keep.vault->keep_candidate(facts, fresh, keep.clock.in(5s))).value();
    run(keep.loop, keep.vault->promote(facts.key, shown, keep.clock.in(5s))).value();
}

struct Crash {
    std::string point;
    bool processed = true;
    std::string fault;         ///< of the emulator, for the dying node's request; empty: none
    bool answer_kept = false;  ///< the journal has the answer at this point
};

/// `again`: points at which the nodes that clear up die as well, one after the other.
void die_and_recover(const Crash& crash, const std::vector<std::string>& again = {}) {
    CAPTURE(crash.point);
    CAPTURE(crash.processed);
    Salesforce salesforce;
    Folder folder;
    keep_connection(salesforce, folder);
    if (!crash.fault.empty()) salesforce.misbehave(crash.fault);

    int status = 0;
    salesforce.serve_during([&] { status = run_node(salesforce, folder, crash.point); });
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGKILL);
    CHECK(salesforce.total("refreshes") == (crash.processed ? 1 : 0));
    salesforce.behave();
    for (const auto& point : again) {
        CAPTURE(point);
        salesforce.serve_during([&] { status = run_node(salesforce, folder, point); });
        REQUIRE(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == SIGKILL);
    }

    salesforce.serve_during([&] { status = run_node(salesforce, folder, ""); });
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
    const auto report = read_report(folder);
    if (!crash.processed) {
        CHECK(report.state == "ACTIVE");
        CHECK(report.refreshed);
        CHECK(report.generation == 2);
    } else if (crash.answer_kept) {
        CHECK(report.state == "ACTIVE");
        CHECK(report.refreshed);
        CHECK(report.generation == 3);
    } else {
        CHECK(report.state == "REAUTH_REQUIRED");
        CHECK(report.reason == "answer_lost");
        CHECK(report.generation == 1);
    }
    CHECK(salesforce.total("reuses") == 0);
    CHECK(salesforce.total("max_in_flight") <= 1);
}

/// An answer that says nothing about the token, long enough to be cut in its middle.
const std::string trouble = R"("status":503,"body":")" + std::string(200, 'x') + R"(")";

std::string token_fault(const std::string& what) {
    return R"({"path":"/services/oauth2/token","when":"before",)" + what + "}";
}

}  // namespace

TEST_CASE("I12, CP1-CP7: a node that dies before the first byte has spent nothing") {
    for (const auto* point : {"CP1", "CP2", "CP3", "CP4", "CP5", "CP6", "CP7"})
        die_and_recover({point, false, "", false});
}

TEST_CASE("CP8: a node that dies in the middle of writing has spent nothing") {
    die_and_recover({"CP8", false, "", false});
}

TEST_CASE("J6, CP9-CP14: an answer that died with its node before the journal needs the user") {
    for (const auto* point : {"CP9", "CP10", "CP11", "CP12", "CP13", "CP14"})
        die_and_recover({point, true, "", false});
}

TEST_CASE("J7, CP9-CP14: a request that was not processed leaves a working connection") {
    die_and_recover({"CP9", false, token_fault(R"("reset":true)"), false});
    for (const auto* point : {"CP10", "CP11", "CP12", "CP13", "CP14"})
        die_and_recover({point, false, token_fault(trouble), false});
}

TEST_CASE("I12, J8, J9, CP15-CP24: an answer in the journal is not lost, wherever its node dies") {
    for (const auto* point :
         {"CP15", "CP16", "CP17", "CP18", "CP19", "CP20", "CP21", "CP22", "CP23", "CP24"})
        die_and_recover({point, true, "", true});
}

TEST_CASE("CP15-CP20: a journalled refusal is not mistaken for a verdict on the grant") {
    for (const auto* point : {"CP15", "CP16", "CP17", "CP18", "CP19", "CP20"})
        die_and_recover({point, false, token_fault(trouble), false});
}

TEST_CASE("CP26-CP28: a node that dies while it resolves leaves the question to the next") {
    const std::vector<std::string> points{"CP27", "CP28"};
    die_and_recover({"CP9", true, "", false}, points);
    die_and_recover({"CP16", true, "", true}, points);
    die_and_recover({"CP10", false, token_fault(trouble), false}, points);
}

}  // namespace latchkey::test
