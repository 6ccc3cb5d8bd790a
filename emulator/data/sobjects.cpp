#include "emulator/data/sobjects.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "emulator/data/describe.h"
#include "emulator/data/generated.h"
#include "emulator/data/render.h"
#include "emulator/data/seed.h"
#include "emulator/data/soql_bind.h"
#include "emulator/data/write.h"

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

/// From this version on an upsert that updates answers 200 with a body, and says "created".
constexpr int upsert_tells = 46;

Reply list_objects(const Call& call) {
    json::array all;
    for (const ObjectDef& object : objects()) {
        all.push_back(describe_briefly(object, call.base));
    }
    return json_reply(
        200,
        json::object{{"encoding", "UTF-8"}, {"maxBatchSize", 200}, {"sobjects", std::move(all)}});
}

/// The five newest records.
json::array recent_items(const Call& call, Org& org, const ObjectDef& object) {
    const Table& table = org.table(object);
    const std::vector<Selected> shown = {{0, nullptr, {}}, {object.at("Name"), nullptr, {}}};
    json::array items;
    for (std::size_t row = table.size(); row-- > 0 && items.size() < 5;) {
        if (table.row(row).deleted) continue;
        items.push_back(show_record(org, table, row, shown, call.base));
    }
    return items;
}

Reply saved(const Call& call, const Table& table, std::size_t row, bool created, bool tell) {
    const std::string& id = table.row(row).id();
    json::object body{{"id", id}, {"success", true}, {"errors", json::array{}}};
    if (tell) body["created"] = created;
    Reply reply = json_reply(created ? 201 : 200, body);
    if (created) reply.headers.add("Location", record_url(call.base, table.object(), id));
    return reply;
}

Reply answer_object(const Call& call, Org& org, const ObjectDef& object) {
    if (call.method == "GET") {
        return json_reply(200, json::object{{"objectDescribe", describe_briefly(object, call.base)},
                                            {"recentItems", recent_items(call, org, object)}});
    }
    if (call.method != "POST") return method_refused(call.method, "HEAD,GET,POST");
    const auto fields = read_body(call);
    if (!fields) return error_reply(fields.error());
    const auto row = create_record(call, org, object, *fields, nullptr);
    if (!row) return error_reply(row.error());
    return saved(call, org.table(object), *row, true, false);
}

Reply answer_row(const Call& call, Org& org, const ObjectDef& object, std::size_t row) {
    const Table& table = org.table(object);
    if (table.row(row).deleted) return error_reply({404, "ENTITY_IS_DELETED", "entity is deleted"});
    if (call.method == "GET") {
        const auto wanted = call.param("fields");
        auto selected = wanted ? select_fields(*wanted, object, call.now)
                               : Outcome<std::vector<Selected>>(select_all(object));
        if (!selected) return error_reply(selected.error());
        return json_reply(200, show_record(org, table, row, *selected, call.base));
    }
    std::optional<ApiError> error;
    if (call.method == "PATCH") {
        const auto fields = read_body(call);
        if (!fields) return error_reply(fields.error());
        error = update_record(call, org, object, *fields, row, nullptr);
    } else if (call.method == "DELETE") {
        error = delete_record(call, org, object, row);
    } else {
        return method_refused(call.method, "HEAD,GET,PATCH,DELETE");
    }
    return error ? error_reply(*error) : Reply{204};
}

Reply answer_generated(const Call& call, const Org& org, const ObjectDef& object,
                       const std::string& id) {
    if (call.method != "GET") return method_refused(call.method, "HEAD,GET");
    const auto number = first_number(org.seed());
    const auto row = generated_row(id, object, number, org.generated_rows);
    if (!row) return error_reply(no_such_resource());
    const auto wanted = call.param("fields");
    const auto selected = wanted ? select_fields(*wanted, object, call.now)
                                 : Outcome<std::vector<Selected>>(select_all(object));
    if (!selected) return error_reply(selected.error());
    Reply reply = json_reply(200, nullptr);
    reply.body.clear();
    Generator(Generator::Form::json, object, *selected, number, call.base)
        .print(reply.body, {*row, 1});
    return reply;
}

Reply answer_id(const Call& call, Org& org, const ObjectDef& object, std::string_view text) {
    if (text.size() != 15 && text.size() != 18) {
        return error_reply({404, "NOT_FOUND",
                            fmt::format("Provided external ID field does not exist or is not "
                                        "accessible: {}",
                                        printable(text, 80))});
    }
    const auto id = full_id(text);
    if (!id) {
        return error_reply(
            {400, "MALFORMED_ID", fmt::format("malformed id {}", printable(text, 80))});
    }
    if (object.generated) return answer_generated(call, org, object, *id);
    const auto row = org.table(object).find(*id);
    if (!row) return error_reply(no_such_resource());
    return answer_row(call, org, object, *row);
}

Reply several(const Call& call, const Table& table, const std::vector<std::size_t>& rows) {
    json::array urls;
    for (std::size_t row : rows) {
        urls.emplace_back(record_url(call.base, table.object(), table.row(row).id()));
    }
    return json_reply(300, urls);
}

Reply upsert(const Call& call, Org& org, const ObjectDef& object, const PathKey& key,
             const std::vector<std::size_t>& rows) {
    const bool tell = call.version >= upsert_tells;
    const Table& table = org.table(object);
    const auto fields = read_body(call);
    if (!fields) return error_reply(fields.error());
    if (rows.empty()) {
        if (call.param("updateOnly") == "true") return error_reply(no_such_resource());
        const auto row = create_record(call, org, object, *fields, &key);
        if (!row) return error_reply(row.error());
        return saved(call, table, *row, true, tell);
    }
    if (auto error = update_record(call, org, object, *fields, rows.front(), &key)) {
        return error_reply(*error);
    }
    return tell ? saved(call, table, rows.front(), false, true) : Reply{204};
}

Reply answer_external(const Call& call, Org& org, const ObjectDef& object) {
    const auto field = object.find(call.path[2]);
    if (!field || (*field != 0 && !object.fields[*field].is(external_id))) {
        return error_reply({404, "NOT_FOUND",
                            fmt::format("Provided external ID field does not exist or is not "
                                        "accessible: {}",
                                        printable(call.path[2], 80))});
    }
    if (*field == 0) return answer_id(call, org, object, call.path[3]);
    const std::string& value = call.path[3];
    if (value.size() > static_cast<std::size_t>(object.fields[*field].length)) {
        return error_reply({400,
                            "STRING_TOO_LONG",
                            fmt::format("{}: data value too large (max length={})",
                                        object.fields[*field].label, object.fields[*field].length),
                            {std::string(object.fields[*field].name)}});
    }
    const Table& table = org.table(object);
    const auto rows = rows_with(table, *field, value);
    if (rows.size() > 1) return several(call, table, rows);
    if (call.method == "PATCH") return upsert(call, org, object, {*field, value}, rows);
    if (call.method != "GET" && call.method != "DELETE") {
        return method_refused(call.method, "HEAD,GET,PATCH,DELETE");
    }
    if (rows.empty()) return error_reply(no_such_resource());
    return answer_row(call, org, object, rows.front());
}

}  // namespace

std::vector<Selected> select_all(const ObjectDef& object) {
    std::vector<Selected> all;
    for (std::size_t i = 0; i < object.fields.size(); ++i) all.push_back({i, nullptr, {}});
    return all;
}

Outcome<std::vector<Selected>> select_fields(std::string_view wanted, const ObjectDef& object,
                                             WallTime now) {
    Soql soql;
    soql.object = object.name;
    bool with_id = false;
    for (std::size_t from = 0; from <= wanted.size();) {
        const std::size_t until = std::min(wanted.find(',', from), wanted.size());
        std::string_view one = wanted.substr(from, until - from);
        SoqlPath path;
        path.at = from;
        while (one.starts_with(' ')) one.remove_prefix(1);
        while (one.ends_with(' ')) one.remove_suffix(1);
        with_id = with_id || ascii_iequal(one, "Id");
        for (std::size_t dot = one.find('.'); dot != one.npos; dot = one.find('.')) {
            path.names.emplace_back(one.substr(0, dot));
            one.remove_prefix(dot + 1);
        }
        path.names.emplace_back(one);
        soql.fields.push_back(std::move(path));
        from = until + 1;
    }
    auto bound = bind_soql(soql, wanted, now);
    if (!bound) return bound.error();
    if (!with_id) bound->selected.push_back({0, nullptr, {}});
    return std::move(bound->selected);
}

std::vector<std::size_t> rows_with(const Table& table, std::size_t field,
                                   const std::string& value) {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < table.size(); ++row) {
        if (table.row(row).deleted) continue;
        const Value& kept = table.row(row).fields[field];
        if (compare_values(kept, value, FieldType::text) == 0) rows.push_back(row);
    }
    return rows;
}

Reply answer_sobjects(const Call& call, Org& org) {
    const std::size_t depth = call.path.size();
    if (depth == 1) {
        if (call.method != "GET") return method_refused(call.method, "HEAD,GET");
        return list_objects(call);
    }
    const ObjectDef* object = find_object(call.path[1]);
    if (object == nullptr || depth > 4) return error_reply(no_such_resource());
    if (depth == 2) return answer_object(call, org, *object);
    if (depth == 4) return answer_external(call, org, *object);
    if (call.path[2] == "describe") {
        if (call.method != "GET") return method_refused(call.method, "HEAD,GET");
        return json_reply(200, describe_fully(*object, call.base));
    }
    return answer_id(call, org, *object, call.path[2]);
}

}  // namespace latchkey::emulator::rest
