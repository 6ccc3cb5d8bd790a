#include <doctest/doctest.h>

#include <boost/asio/detached.hpp>

#include "facade/facade_bench.h"

namespace latchkey {

using namespace std::chrono_literals;

namespace {

const std::string soql = "SELECT Id, Name FROM Account ORDER BY Name LIMIT 3";

ApiRequest limits_of(const Connection& connection) {
    return {connection.id, "GET", "/services/data/v68.0/limits"};
}

Async<void> one_call(Latchkey& latchkey, ApiRequest request, int* good) {
    auto answer = co_await latchkey.async_call(std::move(request), Deadline::in(60s));
    if (answer && answer->status == 200) ++*good;
}

Async<void> blocking_call(Latchkey& latchkey, Result<ConnectionList>* into) {
    *into = latchkey.connections();
    co_return;
}

}  // namespace

TEST_CASE("a user is connected, and queries go on when the session has ended") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    const auto ada = bench.connect(*latchkey);
    REQUIRE_MESSAGE(ada.has_value(), ada.error().message);
    CHECK(ada->standing == Standing::active);
    CHECK(ada->username == "ada@acme.example");

    const auto first = latchkey->query(ada->id, soql);
    REQUIRE_MESSAGE(first.has_value(), first.error().message);
    REQUIRE(first->records.size() == 3);
    CHECK(first->records[0].text("Name").has_value());

    bench.expire_sessions();
    const auto second = latchkey->query(ada->id, soql);
    REQUIRE_MESSAGE(second.has_value(), second.error().message);
    CHECK(second->records[0].json() == first->records[0].json());
    CHECK(latchkey->connection(ada->id)->generation == ada->generation.next());
    CHECK(bench.total("refreshes") == 1);
    CHECK(bench.total("reuses") == 0);
}

TEST_CASE("all pages of a query together are all its records, each once") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    const auto ada = bench.connect(*latchkey);
    REQUIRE(ada.has_value());
    auto page = latchkey->query(ada->id, "SELECT Id FROM Contact");
    REQUIRE(page.has_value());
    const auto total = page->total_size;
    std::set<std::string> seen;
    int pages = 0;
    while (page.has_value() && ++pages < 100) {
        for (const auto& record : page->records) seen.insert(record.text("Id").value());
        if (page->next.empty()) break;
        page = latchkey->query_more(ada->id, page->next);
    }
    REQUIRE(page.has_value());
    CHECK(pages > 1);
    CHECK(static_cast<std::int64_t>(seen.size()) == total);
}

TEST_CASE("an error of a query says that the caller must act") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    const auto ada = bench.connect(*latchkey);
    REQUIRE(ada.has_value());
    const auto wrong = latchkey->query(ada->id, "SELECT Id FORM Account");
    REQUIRE(wrong.has_error());
    CHECK(wrong.error().fault == Fault::bad_input);
    CHECK(wrong.error().code == "malformed_query");
}

TEST_CASE("J1: fifty calls that find the session ended cause one refresh") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    const auto ada = bench.connect(*latchkey);
    REQUIRE(ada.has_value());
    bench.expire_sessions();

    int good = 0;
    for (int caller = 0; caller < 50; ++caller) {
        boost::asio::co_spawn(bench.loop, one_call(*latchkey, limits_of(*ada), &good),
                              boost::asio::detached);
    }
    bench.loop.restart();
    bench.loop.run_for(90s);
    CHECK(good == 50);
    CHECK(bench.total("refreshes") == 1);
    CHECK(bench.total("reuses") == 0);
    CHECK(bench.total("max_in_flight") == 1);
}

TEST_CASE("threads that block get the same token from one refresh") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    const auto ada = bench.connect(*latchkey);
    REQUIRE(ada.has_value());
    const auto demand = TokenDemand::newer(ada->generation);
    std::vector<std::int64_t> generations(8, 0);
    std::vector<std::thread> threads;
    for (auto& generation : generations) {
        threads.emplace_back([&] {
            const auto token = latchkey->token(ada->id, demand);
            if (token) generation = token->generation.value;
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(generations == std::vector<std::int64_t>(8, ada->generation.next().value));
    CHECK(bench.total("refreshes") == 1);
}

TEST_CASE("a connection outlives the process that made it") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    const auto ada = bench.connect(*latchkey);
    REQUIRE(ada.has_value());
    latchkey.reset();

    latchkey = bench.open();
    const auto page = latchkey->query(ada->id, soql);
    REQUIRE_MESSAGE(page.has_value(), page.error().message);
    CHECK(page->records.size() == 3);
    CHECK(latchkey->connections()->items.size() == 1);
}

TEST_CASE("nothing is handed out while a connection is quarantined, and after it was revoked") {
    test::FacadeBench bench;
    auto latchkey = bench.open();
    const auto ada = bench.connect(*latchkey);
    REQUIRE(ada.has_value());
    REQUIRE(latchkey->token(ada->id).has_value());

    const auto held = bench.await(latchkey->async_quarantine(ada->id, Deadline::in(30s)));
    REQUIRE(held.has_value());
    CHECK(held->standing == Standing::quarantined);
    CHECK(latchkey->token(ada->id).error().code == "quarantined");
    const auto released = bench.await(latchkey->async_release(ada->id, Deadline::in(30s)));
    REQUIRE(released.has_value());
    CHECK(latchkey->token(ada->id).has_value());

    const auto revoking = latchkey->revoke(ada->id);
    REQUIRE(revoking.has_value());
    CHECK(revoking->standing == Standing::revoking);
    CHECK(latchkey->token(ada->id).error().fault == Fault::conflict);
}

TEST_CASE("on a loop of the program's own, closing leaves that loop without work") {
    test::FacadeBench bench;
    auto options = bench.options();
    options.loop = &bench.loop;
    auto opened = Latchkey::open(std::move(options));
    REQUIRE(opened.has_value());
    auto latchkey = std::move(*opened);
    const auto ada = bench.connect(*latchkey);
    REQUIRE_MESSAGE(ada.has_value(), ada.error().message);
    const auto page = bench.await(latchkey->async_query(ada->id, soql, Deadline::in(30s)));
    REQUIRE(page.has_value());
    CHECK(page->records.size() == 3);

    latchkey.reset();
    bench.loop.restart();
    bench.loop.run_for(60s);
    CHECK(bench.loop.stopped());
    CHECK(Latchkey::open(bench.options()).has_value());
}

TEST_CASE("a program's loop that ends without closing leaves a store that opens again") {
    test::FacadeBench bench;
    {
        boost::asio::io_context loop;
        auto options = bench.options();
        options.loop = &loop;
        auto latchkey = Latchkey::open(std::move(options)).value();
        loop.poll();
    }
    CHECK(Latchkey::open(bench.options()).has_value());
}

TEST_CASE("a blocking call on the library's own loop is refused instead of waiting for itself") {
    test::FacadeBench bench;
    auto options = bench.options();
    options.loop = &bench.loop;
    auto latchkey = Latchkey::open(std::move(options)).value();
    Result<ConnectionList> answer = ConnectionList{};
    test::run(bench.loop, [](Latchkey& l, Result<ConnectionList>* into) -> Async<int> {
        co_await blocking_call(l, into);
        co_return 0;
    }(*latchkey, &answer));
    REQUIRE(answer.has_error());
    CHECK(answer.error().fault == Fault::internal);
    CHECK(answer.error().code == "would_block_loop");
    latchkey.reset();
    bench.loop.restart();
    bench.loop.run_for(60s);
}

}  // namespace latchkey
