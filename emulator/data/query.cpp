#include "emulator/data/query.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "emulator/data/render.h"
#include "emulator/data/seed.h"
#include "emulator/data/soql_run.h"

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

constexpr std::size_t smallest_page = 200;
constexpr std::size_t largest_page = 2000;

std::optional<std::size_t> whole_number(std::string_view text) {
    std::size_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// Of "Sforce-Query-Options: batchSize=500"; anything that cannot be read is ignored.
std::size_t page_size(const Call& call) {
    const auto options = call.request.headers.find("Sforce-Query-Options");
    if (!options) return largest_page;
    std::string_view rest = *options;
    while (!rest.empty()) {
        std::string_view option = rest.substr(0, rest.find_first_of(",;"));
        rest.remove_prefix(std::min(rest.size(), option.size() + 1));
        option.remove_prefix(std::min(option.size(), option.find_first_not_of(' ')));
        constexpr std::string_view key = "batchSize=";
        if (option.size() < key.size() || !ascii_iequal(option.substr(0, key.size()), key)) {
            continue;
        }
        const auto size = whole_number(option.substr(key.size()));
        if (size) return std::clamp(*size, smallest_page, largest_page);
    }
    return largest_page;
}

/// The same of a generated object. Printed as text: a tree of a page would cost ten times as much.
Reply generated_page(const Call& call, const Org& org, const Cursors::Cursor& cursor,
                     std::size_t from) {
    const std::size_t until = std::min(cursor.total(), from + cursor.page);
    const Generator generator(Generator::Form::json, *cursor.object, cursor.selected,
                              first_number(org.seed()), call.base);
    Reply reply = json_reply(200, nullptr);
    reply.body =
        fmt::format(R"({{"totalSize":{},"done":{},)", cursor.total(), until == cursor.total());
    if (until < cursor.total()) {
        reply.body +=
            fmt::format(R"("nextRecordsUrl":"{}/query/{}-{}",)", call.base, cursor.id, until);
    }
    reply.body += R"("records":[)";
    generator.print(reply.body, {cursor.generated->first + static_cast<std::int64_t>(from),
                                 static_cast<std::int64_t>(until - from)});
    reply.body += "]}";
    return reply;
}

/// Rows from `from` on, as many as a page holds; the locator of the next page if there are more.
Reply page_reply(const Call& call, Org& org, const Cursors::Cursor& cursor, std::size_t from) {
    if (cursor.generated) return generated_page(call, org, cursor, from);
    const std::size_t until = std::min(cursor.rows.size(), from + cursor.page);
    const Table& table = org.table(*cursor.object);
    json::array records;
    for (std::size_t i = from; i < until; ++i) {
        records.push_back(show_record(org, table, cursor.rows[i], cursor.selected, call.base));
    }
    const bool done = until == cursor.rows.size();
    json::object body{{"totalSize", cursor.rows.size()}, {"done", done}};
    if (!done) body["nextRecordsUrl"] = fmt::format("{}/query/{}-{}", call.base, cursor.id, until);
    body["records"] = std::move(records);
    return json_reply(200, body);
}

Reply next_page(const Call& call, Org& org, Cursors& cursors) {
    const std::string& locator = call.path[1];
    const std::size_t dash = locator.find('-');
    const Cursors::Cursor* cursor =
        cursors.find(std::string_view(locator).substr(0, dash), call.caller.user_id, call.now);
    const auto from = dash == std::string::npos
                          ? std::nullopt
                          : whole_number(std::string_view(locator).substr(dash + 1));
    if (cursor == nullptr || !from || *from >= cursor->total()) {
        return error_reply({400, "INVALID_QUERY_LOCATOR", "invalid query locator"});
    }
    return page_reply(call, org, *cursor, *from);
}

Reply first_page(const Call& call, Org& org, Cursors& cursors) {
    const std::string text = call.param("q").value_or("");
    const auto soql = parse_soql(text);
    if (!soql) return error_reply(soql.error());
    auto query = bind_soql(*soql, text, call.now);
    if (!query) return error_reply(query.error());
    if (call.param("columns") == "true") return json_reply(200, show_columns(*query));

    Cursors::Cursor cursor;
    if (query->object->generated) {
        const auto span = span_of(*query, org.generated_rows);
        if (!span) return error_reply(span.error());
        cursor.generated = *span;
    } else {
        cursor.rows = run_soql(*query, org, call.path[0] == "queryAll");
    }
    if (query->count) {
        return json_reply(
            200, json::object{
                     {"totalSize", cursor.total()}, {"done", true}, {"records", json::array{}}});
    }
    cursor.object = query->object;
    cursor.selected = std::move(query->selected);
    cursor.page = page_size(call);
    if (cursor.total() <= cursor.page) return page_reply(call, org, cursor, 0);

    cursor.user_id = call.caller.user_id;
    cursor.used = call.now;
    const std::string id = cursors.keep(std::move(cursor));
    return page_reply(call, org, *cursors.find(id, call.caller.user_id, call.now), 0);
}

}  // namespace

std::string Cursors::keep(Cursor cursor) {
    cursor.id = record_id("01g", ++made_);
    if (cursors_.size() == most) cursors_.pop_front();
    cursors_.push_back(std::move(cursor));
    return cursors_.back().id;
}

const Cursors::Cursor* Cursors::find(std::string_view id, std::string_view user_id, WallTime now) {
    std::erase_if(cursors_, [&](const Cursor& cursor) { return now - cursor.used >= idle; });
    const auto found = std::ranges::find_if(cursors_, [&](const Cursor& cursor) {
        return cursor.id == id && cursor.user_id == user_id;
    });
    if (found == cursors_.end()) return nullptr;
    found->used = now;
    return &*found;
}

Reply answer_query(const Call& call, Org& org, Cursors& cursors) {
    if (call.path.size() > 2) return error_reply(no_such_resource());
    if (call.method != "GET") return method_refused(call.method, "HEAD,GET");
    if (call.path.size() == 2) return next_page(call, org, cursors);
    return first_page(call, org, cursors);
}

Reply answer_tooling_query(const Call& call) {
    if (call.method != "GET") return method_refused(call.method, "HEAD,GET");
    const std::string text = call.param("q").value_or("");
    const auto soql = parse_soql(text);
    if (!soql) return error_reply(soql.error());
    return error_reply(soql_error(
        "INVALID_TYPE", text, soql->object_at,
        fmt::format("sObject type '{}' is not supported.", printable(soql->object, 80))));
}

}  // namespace latchkey::emulator::rest
