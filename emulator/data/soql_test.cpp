#include <random>

#include "emulator/data/data_bench.h"
#include "emulator/data/soql_bind.h"
#include "emulator/data/soql_run.h"

namespace latchkey::emulator::rest::test {
namespace {

/// Five accounts among which every rule can be shown; "T" keeps them apart from the seeded ones.
struct SoqlBench : DataBench {
    SoqlBench() {
        const auto add = [&](std::string_view name, json::value rating, json::value revenue) {
            create("Account", {{"Name", name},
                               {"Type", "T"},
                               {"Rating", std::move(rating)},
                               {"AnnualRevenue", std::move(revenue)}});
        };
        add("alpha", "Hot", 10);
        add("Beta", nullptr, 20.5);
        add("gamma 50%", "Cold", nullptr);
        add("O'Neil_x", "hot", 30);
        add("Zürich", nullptr, 10);
    }
    std::string names(const std::string& rest) {
        return column("SELECT Name FROM Account WHERE Type = 'T' " + rest, "Name");
    }
};

}  // namespace

TEST_CASE("comparisons follow SOQL: texts without case, null equal to null alone") {
    SoqlBench org;
    CHECK(org.names("AND Name = 'ALPHA'") == "alpha");
    CHECK(org.names("AND Rating = 'hot'") == "alpha O'Neil_x");
    CHECK(org.names("AND Rating = null") == "Beta Zürich");
    CHECK(org.names("AND Rating != null") == "alpha gamma 50% O'Neil_x");
    CHECK(org.names("AND Rating = ''") == "Beta Zürich");
    CHECK(org.names("AND Rating != 'Hot'") == "Beta gamma 50% Zürich");
    CHECK(org.names("AND Rating <> 'Hot'") == "Beta gamma 50% Zürich");
    CHECK(org.names("AND AnnualRevenue < 20.5") == "alpha Zürich");
    CHECK(org.names("AND AnnualRevenue <= 20.5") == "alpha Beta Zürich");
    CHECK(org.names("AND AnnualRevenue > 20.5") == "O'Neil_x");
    CHECK(org.names("AND AnnualRevenue >= 2.05e1") == "Beta O'Neil_x");
    CHECK(org.names("AND AnnualRevenue > -1") == "alpha Beta O'Neil_x Zürich");
    CHECK(org.names("AND Name >= 'gamma'") == "gamma 50% O'Neil_x Zürich");
    CHECK(org.names("AND Active__c = true") == "");
    CHECK(org.total("SELECT COUNT() FROM Account WHERE Type = 'T' AND Active__c = FALSE") == 5);
}

TEST_CASE("IN and NOT IN take lists, null among them") {
    SoqlBench org;
    CHECK(org.names("AND Name IN ('beta', 'ALPHA', 'nobody')") == "alpha Beta");
    CHECK(org.names("AND Name NOT IN ('beta', 'ALPHA')") == "gamma 50% O'Neil_x Zürich");
    CHECK(org.names("AND Rating IN ('Cold', null)") == "Beta gamma 50% Zürich");
    CHECK(org.names("AND Rating NOT IN ('Hot')") == "Beta gamma 50% Zürich");
    CHECK(org.names("AND AnnualRevenue IN (10, 30)") == "alpha O'Neil_x Zürich");
}

TEST_CASE("LIKE knows %, _ and escapes, and never fits null") {
    SoqlBench org;
    CHECK(org.names("AND Name LIKE 'a%'") == "alpha");
    CHECK(org.names("AND Name LIKE '%a'") == "alpha Beta");
    CHECK(org.names("AND Name LIKE '_eta'") == "Beta");
    CHECK(org.names("AND Name LIKE 'Z_rich'") == "Zürich");
    CHECK(org.names(R"(AND Name LIKE '%\%')") == "gamma 50%");
    CHECK(org.names(R"(AND Name LIKE '%\_x')") == "O'Neil_x");
    CHECK(org.names(R"(AND Name LIKE 'O\'N%')") == "O'Neil_x");
    CHECK(org.names(R"(AND Name = 'O\'Neil_x')") == "O'Neil_x");
    CHECK(org.names("AND Rating LIKE '%'") == "alpha gamma 50% O'Neil_x");
    CHECK(org.names("AND (NOT Rating LIKE '%o%')") == "Beta Zürich");
}

TEST_CASE("LIKE's matcher agrees with the obvious recursive one") {
    const std::uint64_t seed = 20261123;
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const auto obvious = [](auto&& self, std::string_view text, std::string_view like) -> bool {
        if (like.empty()) return text.empty();
        if (like[0] == '%') {
            return self(self, text, like.substr(1)) ||
                   (!text.empty() && self(self, text.substr(1), like));
        }
        if (text.empty()) return false;
        if (like[0] == '\\' && like.size() > 1) {
            return like[1] == text[0] && self(self, text.substr(1), like.substr(2));
        }
        return (like[0] == '_' || like[0] == text[0]) && self(self, text.substr(1), like.substr(1));
    };
    for (int round = 0; round < 20'000; ++round) {
        std::string text, like;
        for (auto n = random() % 8; n > 0; --n) text += "ab%_"[random() % 4];
        for (auto n = random() % 7; n > 0; --n) {
            const char c = "ab%_"[random() % 4];
            if ((c == '%' || c == '_') && random() % 3 == 0) like += '\\';
            like += c;
        }
        INFO("text " << text << " like " << like);
        REQUIRE(matches_like(text, like) == obvious(obvious, text, like));
    }
}

TEST_CASE("AND, OR, NOT and brackets combine, but AND and OR do not mix without brackets") {
    SoqlBench org;
    CHECK(org.names("AND (Name = 'alpha' OR Name = 'Beta')") == "alpha Beta");
    CHECK(org.names("AND NOT (Name = 'alpha' OR Rating = null)") == "gamma 50% O'Neil_x");
    CHECK(org.names("AND ((Rating = 'hot' AND AnnualRevenue > 20) OR Name = 'beta')") ==
          "Beta O'Neil_x");
    const Reply mixed = org.ask("SELECT Id FROM Account WHERE Name='a' AND Name='b' OR Name='c'");
    CHECK(org.outcome(mixed) == "400 MALFORMED_QUERY");
    CHECK(org.message(mixed).ends_with("Column:52\nunexpected token: 'OR'"));
}

TEST_CASE("rows come in order of creation, or in the order asked for with nulls first") {
    SoqlBench org;
    CHECK(org.names("") == "alpha Beta gamma 50% O'Neil_x Zürich");
    CHECK(org.names("ORDER BY Name DESC") == "Zürich O'Neil_x gamma 50% Beta alpha");
    CHECK(org.names("ORDER BY AnnualRevenue") == "gamma 50% alpha Zürich Beta O'Neil_x");
    CHECK(org.names("ORDER BY AnnualRevenue ASC NULLS LAST, Name DESC") ==
          "Zürich alpha Beta O'Neil_x gamma 50%");
    CHECK(org.names("ORDER BY AnnualRevenue DESC NULLS FIRST, Name") ==
          "gamma 50% O'Neil_x Beta alpha Zürich");
    CHECK(org.names("ORDER BY Name LIMIT 2") == "alpha Beta");
    CHECK(org.names("ORDER BY Name LIMIT 2 OFFSET 3") == "O'Neil_x Zürich");
    CHECK(org.names("LIMIT 0") == "");
    CHECK(org.names("OFFSET 2000") == "");
    CHECK(org.outcome(org.ask("SELECT Id FROM Account OFFSET 2001")) ==
          "400 NUMBER_OUTSIDE_VALID_RANGE");
}

TEST_CASE("names are read without case and answered as the schema writes them") {
    SoqlBench org;
    const auto rows = org.records("select id, oWNER.useRname from ACCOUNT where name = 'beta'");
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].at("attributes").at("type") == "Account");
    CHECK(rows[0].at("Id").as_string().size() == 18);
    CHECK(rows[0].at("Owner").at("Username") == "ada@acme.example");
    CHECK(rows[0].at("Owner").at("attributes").at("url").as_string() ==
          "/services/data/v68.0/sobjects/User/" + org.user_id);
}

TEST_CASE("fields of related records are answered nested, and filter and sort") {
    SoqlBench org;
    const std::string account(
        org.records("SELECT Id FROM Account WHERE Name = 'gamma 50%'")[0].at("Id").as_string());
    org.create("Contact", {{"LastName", "Kid"}, {"AccountId", account}, {"Department", "T"}});
    org.create("Contact", {{"LastName", "Alone"}, {"Department", "T"}});

    const auto rows = org.records(
        "SELECT Contact.LastName, Account.Name, Account.Owner.Alias FROM Contact "
        "WHERE Department = 'T' ORDER BY Account.Name DESC NULLS LAST");
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].at("LastName") == "Kid");
    CHECK(rows[0].at("Account").at("Name") == "gamma 50%");
    CHECK(rows[0].at("Account").at("Owner").at("Alias") == "ada");
    CHECK(rows[1].at("Account").is_null());
    CHECK(org.total("SELECT COUNT() FROM Contact WHERE Account.Name LIKE 'GAMMA%'") == 1);
    CHECK(org.total("SELECT COUNT() FROM Contact WHERE Department='T' AND Account.Name=null") == 1);
}

TEST_CASE("ids are found in both their forms, the short one by its case") {
    SoqlBench org;
    const std::string id(
        org.records("SELECT Id FROM Account WHERE Name = 'beta'")[0].at("Id").as_string());
    CHECK(org.total("SELECT COUNT() FROM Account WHERE Id = '" + id + "'") == 1);
    CHECK(org.total("SELECT COUNT() FROM Account WHERE Id = '" + id.substr(0, 15) + "'") == 1);
    CHECK(org.total("SELECT COUNT() FROM Account WHERE Id = '" + ascii_lower(id) + "'") == 1);
    CHECK(org.outcome(org.ask("SELECT Id FROM Account WHERE Id = 'nonsense'")) ==
          "400 INVALID_QUERY_FILTER_OPERATOR");
}

TEST_CASE("dates and datetimes compare with literals and with periods") {
    DataBench org;
    const auto add = [&](std::string_view name, std::string_view close) {
        org.create(
            "Opportunity",
            {{"Name", name}, {"StageName", "Prospecting"}, {"Type", "T"}, {"CloseDate", close}});
    };
    add("first", "2026-11-24");
    add("today", "2026-11-25");  // a Wednesday
    add("next", "2026-12-02");
    const auto names = [&](const std::string& rest) {
        return org.column("SELECT Name FROM Opportunity WHERE Type = 'T' AND " + rest, "Name");
    };
    CHECK(names("CloseDate = 2026-11-25") == "today");
    CHECK(names("CloseDate > 2026-11-24") == "today next");
    CHECK(names("CloseDate = TODAY") == "today");
    CHECK(names("CloseDate != today") == "first next");
    CHECK(names("CloseDate < TODAY") == "first");
    CHECK(names("CloseDate <= TODAY") == "first today");
    CHECK(names("CloseDate > TODAY") == "next");
    CHECK(names("CloseDate >= TODAY") == "today next");
    CHECK(names("CloseDate = YESTERDAY") == "first");
    CHECK(names("CloseDate = LAST_N_DAYS:1") == "first today");
    CHECK(names("CloseDate = NEXT_N_DAYS:7") == "next");
    CHECK(names("CloseDate = NEXT_N_DAYS:6") == "");
    CHECK(names("CloseDate = THIS_WEEK") == "first today");
    CHECK(names("CloseDate = NEXT_WEEK") == "next");
    CHECK(names("CloseDate = NEXT_MONTH") == "next");
    CHECK(names("CloseDate = THIS_YEAR") == "first today next");
    CHECK(names("CloseDate = LAST_YEAR") == "");
    CHECK(names("CreatedDate = TODAY") == "first today next");
    CHECK(names("CreatedDate = 2026-11-25T10:46:40+01:00") == "first today next");
    CHECK(names("CreatedDate > 2026-11-25T09:46:40Z") == "");
    CHECK(names("CreatedDate >= 2026-11-25T09:46:40.000Z") == "first today next");
}

TEST_CASE("COUNT() answers a number and no records, and LIMIT bounds it") {
    DataBench org;
    const json::value body = org.parsed(org.ask("SELECT COUNT() FROM Contact"));
    CHECK(body.at("totalSize") == 3000);
    CHECK(body.at("done") == true);
    CHECK(body.at("records").as_array().empty());
    CHECK(org.total("select count ( ) from Contact limit 7") == 7);
}

TEST_CASE("FIELDS() stands for all, the standard or the custom fields") {
    DataBench org;
    const auto all = org.records("SELECT FIELDS(ALL) FROM Account LIMIT 1")[0].as_object();
    const auto standard = org.records("SELECT FIELDS(standard) FROM Account")[0].as_object();
    const auto custom = org.records("SELECT FIELDS(CUSTOM), Id FROM Account LIMIT 200")[0];
    CHECK(all.contains("External_Id__c"));
    CHECK(all.contains("Name"));
    CHECK(!standard.contains("External_Id__c"));
    CHECK(standard.contains("Name"));
    CHECK(custom.as_object().size() == 4);  // attributes, two custom fields, Id
    CHECK(org.outcome(org.ask("SELECT FIELDS(ALL) FROM Account LIMIT 201")) ==
          "400 MALFORMED_QUERY");
}

TEST_CASE("a query that is wrong is answered with what is wrong and where") {
    DataBench org;
    struct Row {
        const char* soql;
        const char* outcome;
        const char* end;
    };
    const Row rows[] = {
        {"", "400 MALFORMED_QUERY", "cannot be empty."},
        {"SELECT", "400 MALFORMED_QUERY", "Column:7\nunexpected token: '<EOF>'"},
        {"SELECT Id", "400 MALFORMED_QUERY", "unexpected token: '<EOF>'"},
        {"SELECT FROM Account", "400 MALFORMED_QUERY", "Column:8\nunexpected token: 'FROM'"},
        {"SELECT Id,, Name FROM Account", "400 MALFORMED_QUERY", "unexpected token: ','"},
        {"SELECT Id FRM Account", "400 MALFORMED_QUERY", "Column:11\nunexpected token: 'FRM'"},
        {"SELECT Id\nFROM Account\nWHERE", "400 MALFORMED_QUERY",
         "Row:3:Column:6\nunexpected "
         "token: '<EOF>'"},
        {"SELECT Id FROM Account WHERE Name", "400 MALFORMED_QUERY", "token: '<EOF>'"},
        {"SELECT Id FROM Account WHERE Name = 'x", "400 MALFORMED_QUERY", "token: ''x'"},
        {"SELECT Id FROM Account WHERE Name = '\\x'", "400 MALFORMED_QUERY", "token: ''\\x''"},
        {"SELECT Id FROM Account WHERE (Name = 'x'", "400 MALFORMED_QUERY", "token: '<EOF>'"},
        {"SELECT Id FROM Account WHERE Name = \"x\"", "400 MALFORMED_QUERY", "token: '\"'"},
        {"SELECT Id FROM Account WHERE Name IN ()", "400 MALFORMED_QUERY", "token: ')'"},
        {"SELECT Id FROM Account LIMIT -1", "400 MALFORMED_QUERY", "token: '-1'"},
        {"SELECT Id FROM Account LIMIT x", "400 MALFORMED_QUERY", "token: 'x'"},
        {"SELECT Id FROM Account ORDER Name", "400 MALFORMED_QUERY", "token: 'Name'"},
        {"SELECT Id FROM Account;", "400 MALFORMED_QUERY", "token: ';'"},
        {"SELECT Id, id FROM Account", "400 MALFORMED_QUERY", "duplicate field selected: id"},
        {"SELECT Id FROM Account GROUP BY Name", "400 MALFORMED_QUERY",
         "GROUP is not served by this emulator"},
        {"SELECT SUM(AnnualRevenue) FROM Account", "400 MALFORMED_QUERY",
         "function SUM is not served by this emulator"},
        {"SELECT Id, (SELECT Id FROM Contacts) FROM Account", "400 MALFORMED_QUERY",
         "nested queries are not served by this emulator"},
        {"SELECT Id FROM Account ORDER BY Description", "400 MALFORMED_QUERY",
         "field 'Description' can not be sorted in a query call"},
        {"SELECT Nope FROM Account", "400 INVALID_FIELD", "shows the names."},
        {"SELECT Id FROM Account WHERE Nope = 1", "400 INVALID_FIELD", "shows the names."},
        {"SELECT Id FROM Account ORDER BY Nope", "400 INVALID_FIELD", "shows the names."},
        {"SELECT Bad.Name FROM Account", "400 INVALID_FIELD", "ends in '__r'."},
        {"SELECT Parent.Parent.Parent.Parent.Parent.Parent.Name FROM Account", "400 INVALID_FIELD",
         "ends in '__r'."},
        {"SELECT Id FROM Account WHERE Name = 5", "400 INVALID_FIELD",
         "must be of type string and should be enclosed in quotes"},
        {"SELECT Id FROM Account WHERE AnnualRevenue = '5'", "400 INVALID_FIELD",
         "must be of type currency and should not be enclosed in quotes"},
        {"SELECT Id FROM Account WHERE CreatedDate = 2026-01-01", "400 INVALID_FIELD",
         "must be of type datetime and should not be enclosed in quotes"},
        {"SELECT Id FROM Account WHERE Name = TODAY", "400 INVALID_FIELD", "in quotes"},
        {"SELECT Id FROM Account WHERE Description = 'x'", "400 INVALID_FIELD",
         "field 'Description' can not be filtered in a query call"},
        {"SELECT Id FROM Account WHERE Active__c > false", "400 INVALID_QUERY_FILTER_OPERATOR",
         "invalid operator on boolean field 'Active__c'"},
        {"SELECT Id FROM Account WHERE Id LIKE '001%'", "400 INVALID_QUERY_FILTER_OPERATOR",
         "invalid operator on id field 'Id'"},
        {"SELECT Id FROM Nope", "400 INVALID_TYPE", "what this org has."},
        {"SELECT Id FROM ScratchOrgInfo limit 1", "400 INVALID_TYPE", "what this org has."},
    };
    for (const Row& row : rows) {
        const Reply reply = org.ask(row.soql);
        INFO(row.soql);
        CHECK(org.outcome(reply) == row.outcome);
        const std::string message = org.message(reply);
        INFO(message);
        CHECK(message.ends_with(row.end));
    }
    CHECK(org.message(org.ask("SELECT Nope FROM Account"))
              .starts_with("\nSELECT Nope FROM Account\n       ^\nERROR at Row:1:Column:8\nNo such "
                           "column 'Nope' on "
                           "entity 'Account'."));
}

TEST_CASE("length, depth and number of conditions are bounded") {
    const auto nested = [](int depth) {
        const auto n = static_cast<std::size_t>(depth);
        return "SELECT Id FROM Account WHERE " + std::string(n, '(') + "Name='x'" +
               std::string(n, ')');
    };
    CHECK(parse_soql(nested(deepest_soql - 1)).has_value());
    CHECK(!parse_soql(nested(deepest_soql)).has_value());
    CHECK(!parse_soql(nested(40'000)).has_value());

    std::string many = "SELECT Id FROM Account WHERE Name='x'";
    for (std::size_t i = 1; i < most_conditions; ++i) many += " OR Name='x'";
    CHECK(parse_soql(many).has_value());
    CHECK(parse_soql(many + " OR Name='x'").error().code == "QUERY_TOO_COMPLICATED");

    std::string nots = "SELECT Id FROM Account WHERE ";
    for (int i = 0; i < 10'000; ++i) nots += "NOT ";
    CHECK(!parse_soql(nots + "Name='x'").has_value());

    std::string longest = "SELECT Id FROM Account";
    longest.resize(longest_soql, ' ');
    CHECK(parse_soql(longest).has_value());
    CHECK(!parse_soql(longest + " ").has_value());
}

TEST_CASE("whatever the bytes, a query is answered or refused") {
    const std::uint64_t seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const std::string_view pieces[] = {"SELECT ",
                                       "FROM ",
                                       "WHERE ",
                                       "Account ",
                                       "Id",
                                       "Name",
                                       ",",
                                       ".",
                                       "(",
                                       ")",
                                       "=",
                                       "!=",
                                       "<>",
                                       "<=",
                                       ">",
                                       "'a%'",
                                       "'",
                                       "\\",
                                       "\\'",
                                       "null ",
                                       "true ",
                                       "AND ",
                                       "OR ",
                                       "NOT ",
                                       "IN ",
                                       "LIKE ",
                                       "ORDER BY ",
                                       "DESC ",
                                       "NULLS ",
                                       "LAST ",
                                       "LIMIT ",
                                       "OFFSET ",
                                       "COUNT()",
                                       "FIELDS(ALL) ",
                                       "2026-01-01 ",
                                       "2026-13-01 ",
                                       "TODAY ",
                                       "LAST_N_DAYS:",
                                       "7 ",
                                       "1e999 ",
                                       "-",
                                       "Owner.",
                                       "Account.",
                                       "\n",
                                       "\xff",
                                       "\0",
                                       "ü",
                                       "CloseDate",
                                       "SELECT Id FROM Account WHERE ",
                                       "SELECT Id FROM Contact WHERE Name = "};
    DataBench org;
    for (int round = 0; round < 3'000; ++round) {
        std::string text = random() % 2 == 0 ? "SELECT Id, Name FROM Account WHERE " : "";
        for (auto n = random() % 12; n > 0; --n) {
            if (random() % 20 == 0) {
                text += static_cast<char>(random());
            } else {
                text += pieces[random() % std::size(pieces)];
            }
        }
        INFO("query " << base64(text));
        const auto soql = parse_soql(text);
        if (!soql) {
            REQUIRE(soql.error().status == 400);
            continue;
        }
        const auto bound = bind_soql(*soql, text, org.now);
        const Reply reply = org.ask(text);
        REQUIRE(reply.status == (bound ? 200 : 400));
        org.parsed(reply);
    }
}

}  // namespace latchkey::emulator::rest::test
