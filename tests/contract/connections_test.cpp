#include "tests/contract/bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

template <class Bench>
std::string listed(Bench& bench, ConnectionQuery query) {
    std::string names;
    for (const auto& c :
         bench.ok(bench.store.connections().list(std::move(query), bench.by())).items)
        names += c.id.text + " ";
    return names;
}

}  // namespace

TEST_CASE_TEMPLATE("pages of connections follow each other without gap or repeat", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    // Two of one second, so that the id decides.
    connect(bench, "cn_b", "ada", 100);
    connect(bench, "cn_a", "ada", 100);
    connect(bench, "cn_c", "bob", 50);
    connect(bench, "cn_d", "ada", 200);
    connect(bench, "cn_e", "ada", 201);

    std::string names;
    ConnectionQuery query;
    query.limit = 2;
    for (int pages = 0; pages < 5; ++pages) {
        const auto page = bench.ok(bench.store.connections().list(query, bench.by()));
        for (const auto& c : page.items) names += c.id.text + " ";
        names += "| ";
        if (page.next_cursor.empty()) break;
        query.cursor = page.next_cursor;
    }
    CHECK(names == "cn_c cn_a | cn_b cn_d | cn_e | ");
}

TEST_CASE_TEMPLATE("the last full page has no cursor", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    connect(bench, "cn_a");
    connect(bench, "cn_b");
    ConnectionQuery query;
    query.limit = 2;
    const auto page = bench.ok(bench.store.connections().list(query, bench.by()));
    CHECK(page.items.size() == 2);
    CHECK(page.next_cursor.empty());
}

TEST_CASE_TEMPLATE("a cursor that no page gave is refused", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    for (const char* cursor : {"x", "****", "bm9jb2xvbg", "OmNuXzE", "MXg6Y24"}) {
        ConnectionQuery query;
        query.cursor = cursor;
        CHECK(bench.refusal(bench.store.connections().list(query, bench.by())) ==
              "bad_input invalid_cursor");
    }
}

TEST_CASE_TEMPLATE("the list is narrowed by end user and provider, bytewise", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1", "ada", 1);
    connect(bench, "cn_2", "Ada", 2);
    connect(bench, "cn_3", "ada", 3);
    auto other = candidate("cn_4");
    other.provider = ProviderId{"sandbox"};
    bench.done(bench.store.grants().add_candidate(other, bench.by()));
    bench.ok(bench.store.grants().promote(other.key, facts("cn_4", "ada", 4), Generation{0},
                                          Sealed{"s"}, bench.by()));
    ConnectionQuery ada;
    ada.end_user = "ada";
    CHECK(listed(bench, ada) == "cn_1 cn_3 cn_4 ");
    ada.provider = ProviderId{"sandbox"};
    CHECK(listed(bench, ada) == "cn_4 ");
    ConnectionQuery salesforce;
    salesforce.provider = ProviderId{"salesforce"};
    CHECK(listed(bench, salesforce) == "cn_1 cn_2 cn_3 ");
    ConnectionQuery nobody;
    nobody.end_user = "";
    CHECK(listed(bench, nobody).empty());
}

TEST_CASE_TEMPLATE("the list is narrowed by standing, as each connection shows it", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    Bench bench;
    const State states[] = {State::active,          State::in_flight, State::uncertain,
                            State::reauth_required, State::revoking,  State::revoked};
    int number = 0;
    for (const auto state : states)
        for (const char* quarantine : {"", "operator"}) {
            const auto id = "cn_" + std::to_string(++number);
            moved(bench, connect(bench, id, "ada", number), state);
            bench.ok(bench.store.grants().quarantine(ConnectionId{id}, quarantine, bench.by()));
        }
    std::size_t found = 0;
    for (const auto standing : {Standing::active, Standing::uncertain, Standing::reauth_required,
                                Standing::quarantined, Standing::revoking, Standing::revoked}) {
        CAPTURE(name(standing));
        ConnectionQuery query;
        query.standing = standing;
        const auto page = bench.ok(bench.store.connections().list(query, bench.by()));
        CHECK_FALSE(page.items.empty());
        for (const auto& c : page.items) CHECK(c.standing == standing);
        found += page.items.size();
    }
    CHECK(found == 12);
}

TEST_CASE_TEMPLATE("a page holds at most 200 and at least one", Bench, MemoryBench, SqliteBench,
                   PostgresBench) {
    Bench bench;
    for (int i = 0; i < 201; ++i) connect(bench, "cn_" + std::to_string(i), "ada", i);
    ConnectionQuery query;
    query.limit = 5000;
    CHECK(bench.ok(bench.store.connections().list(query, bench.by())).items.size() == 200);
    query.limit = 0;
    CHECK(bench.ok(bench.store.connections().list(query, bench.by())).items.size() == 1);
}

TEST_CASE_TEMPLATE("the live connections of one Salesforce user are found", Bench, MemoryBench,
                   SqliteBench, PostgresBench) {
    Bench bench;
    connect(bench, "cn_1", "ada", 1);
    connect(bench, "cn_2", "bob", 2);
    moved(bench, connect(bench, "cn_3", "cleo", 3), State::revoked);
    moved(bench, connect(bench, "cn_5", "dan", 5), State::reauth_required);
    auto other = candidate("cn_4");
    other.user_id = "005000000000002AAA";
    bench.done(bench.store.grants().add_candidate(other, bench.by()));
    bench.ok(bench.store.grants().promote(other.key, facts("cn_4"), Generation{0}, Sealed{"s"},
                                          bench.by()));
    const auto found = [&](const char* provider, const char* org, const char* user) {
        std::string names;
        for (const auto& c : bench.ok(bench.store.connections().of_salesforce_user(
                 ProviderId{provider}, org, user, bench.by())))
            names += c.id.text + " ";
        return names;
    };
    CHECK(found("salesforce", "00D000000000001AAA", "005000000000001AAA") == "cn_1 cn_2 cn_5 ");
    CHECK(found("salesforce", "00D000000000001AAA", "005000000000002AAA") == "cn_4 ");
    CHECK(found("sandbox", "00D000000000001AAA", "005000000000001AAA").empty());
    CHECK(found("salesforce", "00D000000000002AAA", "005000000000001AAA").empty());
}

TEST_CASE_TEMPLATE("I20: hostile names and texts are stored and come back unchanged", Bench,
                   MemoryBench, SqliteBench, PostgresBench) {
    const std::string hostile[] = {
        "'; DROP TABLE grants; --",
        "\"quoted\" 'twice' `thrice`",
        "100%_like? ?1 :name @x $y",
        std::string("nul\0inside", 10),
        std::string("\0", 1),
        std::string(200, 'x'),
        "\xe2\x80\xae right to left \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
        "broken \xff\xfe\xc3 utf-8",
        "line\r\nbreak\ttab",
    };
    Bench bench;
    int number = 0;
    for (const auto& text : hostile) {
        const auto id = "cn_" + std::to_string(++number);
        auto given = candidate(id);
        given.scopes = {text, "", "3:x"};
        given.reason = text;
        given.refresh_token = Sealed{text};
        bench.done(bench.store.grants().add_candidate(given, bench.by()));
        auto known = facts(id, text, number);
        known.username = text;
        bench.ok(bench.store.grants().promote(given.key, known, Generation{0}, Sealed{text},
                                              bench.by()));
        ConnectionQuery query;
        query.end_user = text;
        const auto page = bench.ok(bench.store.connections().list(query, bench.by()));
        REQUIRE(page.items.size() == 1);
        CHECK(page.items[0].id == ConnectionId{id});
        CHECK(page.items[0].end_user == text);
        CHECK(page.items[0].username == text);
        CHECK(page.items[0].scopes == given.scopes);
        const auto row = bench.ok(bench.store.grants().find(ConnectionId{id}, bench.by()));
        CHECK(row.reason == text);
        CHECK(row.refresh_token == Sealed{text});
    }
    // And as the id itself.
    for (const auto& text : hostile) {
        connect(bench, text);
        CHECK(bench.ok(bench.store.connections().find(ConnectionId{text}, bench.by())).id ==
              ConnectionId{text});
    }
}
