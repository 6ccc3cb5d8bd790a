#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "refresh/refresh_bench.h"

namespace latchkey::test {

/// Ends a node at a crash point, the first time it comes there: what it was doing goes no further.
/// With `instead` it goes on, after that has been done.
class EndsAt final : public Stops {
public:
    std::string_view point;
    std::function<void()> instead;
    void reached(std::string_view where) override {
        if (where != point) return;
        point = {};
        if (instead) return instead();
        throw std::runtime_error("this node was killed");
    }
};

/// One process among several on one store: its own journal, memory and refresher.
struct TestNode {
    MemoryJournal journal;
    Vault vault;
    EndsAt ends;
    std::unique_ptr<Refresher> refresher;

    TestNode(Bench& bench, const std::string& name)
        : journal(NodeId{name}, bench.clock),
          vault(bench.store, journal, bench.keys, "installation", bench.random, bench.clock),
          refresher(started(bench)) {}

    std::unique_ptr<Refresher> started(Bench& bench) {
        RefresherParts parts{bench.loop,      vault,       bench.store,  journal,   bench.endpoint,
                             bench.providers, bench.clock, bench.random, bench.log, ends};
        return std::make_unique<Refresher>(std::move(parts));
    }
};

inline Async<bool> stopped(Refresher* which, Deadline by) {
    co_await which->stop(by);
    co_return true;
}

/// Several nodes in one thread, in front of one pretended Salesforce.
struct Nodes : Bench {
    ConnectionId ada = connect();
    std::vector<std::unique_ptr<TestNode>> nodes;

    explicit Nodes(int count = 2) {
        for (int i = 0; i < count; ++i) add();
    }
    TestNode& add() {
        const auto name = std::string{"node "} + static_cast<char>('A' + nodes.size());
        nodes.push_back(std::make_unique<TestNode>(*this, name));
        return *nodes.back();
    }
    TestNode& a() { return *nodes[0]; }
    TestNode& b() { return *nodes[1]; }

    void run_in_background(TestNode& node) {
        boost::asio::co_spawn(loop, node.refresher->run(), boost::asio::detached);
    }
    void listen(TestNode& node) {
        boost::asio::co_spawn(loop, node.refresher->listen(), boost::asio::detached);
    }
    /// The node's process is gone; another one begins with its journal.
    void restart(TestNode& node) {
        node.ends.point = {};
        node.refresher = node.started(*this);
        REQUIRE(run(node.refresher->recover(clock.in(std::chrono::minutes{1}))).has_value());
    }

    using Asked = std::shared_ptr<std::optional<Result<AccessToken>>>;
    Asked ask(TestNode& node, TokenDemand demand,
              std::chrono::milliseconds wait = std::chrono::seconds{60}) {
        return begin(node.refresher->token(ada, demand, clock.in(wait)));
    }
    Asked ask_newer(TestNode& node, std::int64_t than = 1,
                    std::chrono::milliseconds wait = std::chrono::seconds{60}) {
        return ask(node, TokenDemand::newer(Generation{than}), wait);
    }
    static std::string heard(const Asked& asked) {
        if (!*asked) return "nothing yet";
        if ((*asked)->has_error()) return (*asked)->error().code;
        return "generation " + std::to_string((**asked)->generation.value);
    }
    /// The answer of a call that is waited for.
    std::string answer(TestNode& node, TokenDemand demand = {},
                       std::chrono::milliseconds wait = std::chrono::seconds{60}) {
        auto token = run(node.refresher->token(ada, demand, clock.in(wait)));
        return token ? "generation " + std::to_string(token->generation.value) : token.error().code;
    }
    std::string newer_answer(TestNode& node, std::int64_t than = 1,
                             std::chrono::milliseconds wait = std::chrono::seconds{60}) {
        return answer(node, TokenDemand::newer(Generation{than}), wait);
    }
    /// Node A begins a refresh and is killed at a point. Its caller hears nothing from it.
    void killed_at(std::string_view point, std::int64_t than = 1) {
        a().ends.point = point;
        ask_newer(a(), than, std::chrono::seconds{1});
        settle();
        REQUIRE(a().ends.point.empty());
    }
    /// The database as it was at some moment, on a new history that knows nothing later.
    void fail_over_to(const GrantRow& as_it_was) {
        store.overwrite(as_it_was);
        store.new_timeline();
    }
    /// No token was presented twice, and none had two uses at once.
    void check_quiet_ledger() const {
        CHECK(salesforce.reuses == 0);
        CHECK(salesforce.most_in_flight <= 1);
    }
};

}  // namespace latchkey::test
