#include "emulator/data/collections.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "emulator/data/render.h"
#include "emulator/data/sobjects.h"
#include "emulator/data/write.h"

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

constexpr std::size_t most_written = 200;
constexpr std::size_t most_read = 2000;

ApiError too_many(std::size_t most) {
    return {400, "EXCEEDED_ID_LIMIT",
            fmt::format("record limit reached. cannot submit more than {} records into this call",
                        most)};
}

/// One element of the answer. Here the code's name is statusCode.
json::object refused(const ApiError& error) {
    json::object one{
        {"statusCode", error.code}, {"message", error.message}, {"fields", json::array{}}};
    for (const auto& field : error.fields) one["fields"].as_array().emplace_back(field);
    return {{"success", false}, {"errors", json::array{std::move(one)}}};
}

json::object rolled_back() {
    return refused({400, "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                    "Record rolled back because not all records were valid and the request was "
                    "using AllOrNone header"});
}

json::object done(const std::string& id) {
    return {{"id", id}, {"success", true}, {"errors", json::array{}}};
}

/// The results, after a refused one among them has taken the others back if all were to be done.
Reply settled(json::array results, bool all_or_none, Attempt& attempt) {
    const auto failed = [](const json::value& one) { return !one.at("success").as_bool(); };
    if (all_or_none && std::ranges::any_of(results, failed)) {
        attempt.take_back();
        for (auto& one : results) {
            if (!failed(one)) one = rolled_back();
        }
    }
    return json_reply(200, results);
}

struct Batch {
    bool all_or_none = false;
    json::array records;
};

Outcome<Batch> read_batch(const Call& call) {
    auto body = read_body(call);
    if (!body) return body.error();
    Batch batch;
    if (const auto* flag = body->if_contains("allOrNone")) {
        if (!flag->is_bool()) {
            return ApiError{400, "JSON_PARSER_ERROR", "allOrNone must be true or false."};
        }
        batch.all_or_none = flag->get_bool();
    }
    auto* records = body->if_contains("records");
    if (records == nullptr || !records->is_array()) {
        return ApiError{400, "REQUIRED_FIELD_MISSING", "The records must be in \"records\"."};
    }
    if (records->get_array().size() > most_written) return too_many(most_written);
    batch.records = std::move(records->get_array());
    return batch;
}

Outcome<const ObjectDef*> type_of(const json::object& record) {
    const auto* attributes = record.if_contains("attributes");
    const auto* type = attributes == nullptr || !attributes->is_object()
                           ? nullptr
                           : attributes->get_object().if_contains("type");
    if (type == nullptr || !type->is_string()) {
        return ApiError{400, "INVALID_TYPE",
                        "Each record needs attributes with its type, such as Account."};
    }
    const std::string name{type->get_string()};
    const ObjectDef* object = find_object(name);
    if (object == nullptr) {
        return ApiError{400, "INVALID_TYPE",
                        fmt::format("sObject type '{}' is not supported.", printable(name, 80))};
    }
    return object;
}

/// Takes the member of that name, without regard to case, out of the record.
std::optional<json::value> take_member(json::object& record, std::string_view name) {
    for (auto& member : record) {
        if (!ascii_iequal({member.key().data(), member.key().size()}, name)) continue;
        json::value value = std::move(member.value());
        record.erase(member.key());
        return value;
    }
    return std::nullopt;
}

Outcome<std::size_t> row_of(const Table& table, const std::string& text) {
    const auto id = full_id(text);
    if (!id) {
        return ApiError{
            400, "MALFORMED_ID", fmt::format("malformed id {}", printable(text, 80)), {"Id"}};
    }
    const auto row = table.find(*id);
    if (!row) {
        return ApiError{400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"};
    }
    if (table.row(*row).deleted) return ApiError{400, "ENTITY_IS_DELETED", "entity is deleted"};
    return *row;
}

json::object create_one(const Call& call, Org& org, const json::object& record) {
    const auto object = type_of(record);
    if (!object) return refused(object.error());
    const auto row = create_record(call, org, **object, record, nullptr);
    if (!row) return refused(row.error());
    return done(org.table(**object).row(*row).id());
}

json::object update_one(const Call& call, Org& org, json::object record) {
    const auto object = type_of(record);
    if (!object) return refused(object.error());
    const auto id = take_member(record, "id");
    if (!id || !id->is_string()) {
        return refused({400, "MISSING_ARGUMENT", "Id not specified in an update call", {"Id"}});
    }
    const Table& table = org.table(**object);
    const auto row = row_of(table, std::string{id->get_string()});
    if (!row) return refused(row.error());
    if (auto error = update_record(call, org, **object, record, *row, nullptr)) {
        return refused(*error);
    }
    return done(table.row(*row).id());
}

json::object upsert_one(const Call& call, Org& org, const ObjectDef& object, std::size_t field,
                        json::object record) {
    const auto key = take_member(record, object.fields[field].name);
    if (!key || !key->is_string() || key->get_string().empty()) {
        return refused(
            {400, "MISSING_ARGUMENT", fmt::format("{} not specified", object.fields[field].name)});
    }
    const PathKey path{field, std::string{key->get_string()}};
    const Table& table = org.table(object);
    const auto rows = rows_with(table, field, path.value);
    if (rows.size() > 1) {
        return refused({400, "DUPLICATE_EXTERNAL_ID",
                        fmt::format("{}: more than one record found for external id field",
                                    object.fields[field].name)});
    }
    json::object told;
    if (rows.empty()) {
        const auto row = create_record(call, org, object, record, &path);
        if (!row) return refused(row.error());
        told = done(table.row(*row).id());
    } else {
        auto error = update_record(call, org, object, record, rows.front(), &path);
        if (error) return refused(*error);
        told = done(table.row(rows.front()).id());
    }
    told["created"] = rows.empty();
    return told;
}

Reply write_all(const Call& call, Org& org) {
    auto batch = read_batch(call);
    if (!batch) return error_reply(batch.error());
    Attempt attempt(org);
    json::array results;
    for (auto& record : batch->records) {
        if (!record.is_object()) {
            results.push_back(refused({400, "JSON_PARSER_ERROR", "A record is a JSON object."}));
        } else if (call.method == "POST") {
            results.push_back(create_one(call, org, record.get_object()));
        } else {
            results.push_back(update_one(call, org, std::move(record.get_object())));
        }
    }
    return settled(std::move(results), batch->all_or_none, attempt);
}

Reply upsert_all(const Call& call, Org& org, const ObjectDef& object) {
    const auto field = object.find(call.path[3]);
    if (!field || !object.fields[*field].is(external_id)) {
        return error_reply({404, "NOT_FOUND",
                            fmt::format("Provided external ID field does not exist or is not "
                                        "accessible: {}",
                                        printable(call.path[3], 80))});
    }
    auto batch = read_batch(call);
    if (!batch) return error_reply(batch.error());
    Attempt attempt(org);
    json::array results;
    for (auto& record : batch->records) {
        if (!record.is_object()) {
            results.push_back(refused({400, "JSON_PARSER_ERROR", "A record is a JSON object."}));
            continue;
        }
        const auto named = type_of(record.get_object());
        if (!named || *named != &object) {
            results.push_back(refused({400, "INVALID_TYPE", "The type is not the path's."}));
            continue;
        }
        results.push_back(upsert_one(call, org, object, *field, std::move(record.get_object())));
    }
    return settled(std::move(results), batch->all_or_none, attempt);
}

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> all;
    while (!list.empty()) {
        const auto one = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), one.size() + 1));
        if (!one.empty()) all.emplace_back(one);
    }
    return all;
}

json::object delete_one(const Call& call, Org& org, const std::string& text) {
    for (const ObjectDef& object : objects()) {
        if (!text.starts_with(object.key_prefix)) continue;
        const Table& table = org.table(object);
        const auto row = row_of(table, text);
        if (!row) return refused(row.error());
        if (auto error = delete_record(call, org, object, *row)) return refused(*error);
        return done(table.row(*row).id());
    }
    return refused({400, "MALFORMED_ID", fmt::format("malformed id {}", printable(text, 80))});
}

Reply delete_all(const Call& call, Org& org) {
    const auto ids = split(call.param("ids").value_or(""));
    if (ids.empty()) {
        return error_reply({400, "REQUIRED_FIELD_MISSING", "The ids must be in \"ids\"."});
    }
    if (ids.size() > most_written) return error_reply(too_many(most_written));
    Attempt attempt(org);
    json::array results;
    for (const auto& id : ids) results.push_back(delete_one(call, org, id));
    return settled(std::move(results), call.param("allOrNone") == "true", attempt);
}

/// The texts of an array in the body; nullopt if it is none.
std::optional<std::vector<std::string>> texts(const json::object& body, std::string_view name) {
    const auto* list = body.if_contains(name);
    if (list == nullptr || !list->is_array()) return std::nullopt;
    std::vector<std::string> all;
    for (const auto& one : list->get_array()) {
        if (!one.is_string()) return std::nullopt;
        all.emplace_back(one.get_string());
    }
    return all;
}

/// Records in the order of the ids, null for what is not there.
Reply read_all(const Call& call, Org& org, const ObjectDef& object) {
    std::vector<std::string> ids = split(call.param("ids").value_or(""));
    std::string fields = call.param("fields").value_or("");
    if (call.method == "POST") {
        const auto body = read_body(call);
        if (!body) return error_reply(body.error());
        const auto wanted = texts(*body, "ids");
        const auto names = texts(*body, "fields");
        if (!wanted || !names) {
            return error_reply({400, "JSON_PARSER_ERROR", "ids and fields are arrays of texts."});
        }
        ids = *wanted;
        for (const auto& one : *names) fields += (fields.empty() ? "" : ",") + one;
    }
    if (ids.size() > most_read) return error_reply(too_many(most_read));
    if (fields.empty()) {
        return error_reply({400, "REQUIRED_FIELD_MISSING", "Name the fields to read."});
    }
    const auto selected = select_fields(fields, object, call.now);
    if (!selected) return error_reply(selected.error());
    const Table& table = org.table(object);
    json::array records;
    for (const auto& id : ids) {
        const auto row = row_of(table, id);
        if (row) {
            records.push_back(show_record(org, table, *row, *selected, call.base));
        } else {
            records.emplace_back(nullptr);
        }
    }
    return json_reply(200, records);
}

}  // namespace

Reply answer_collections(const Call& call, Org& org) {
    const std::size_t depth = call.path.size();
    if (depth == 2) {
        if (call.method == "POST" || call.method == "PATCH") return write_all(call, org);
        if (call.method == "DELETE") return delete_all(call, org);
        return method_refused(call.method, "DELETE,PATCH,POST");
    }
    const ObjectDef* object = find_object(call.path[2]);
    if (object == nullptr || depth > 4) return error_reply(no_such_resource());
    if (depth == 4) {
        if (call.method == "PATCH") return upsert_all(call, org, *object);
        return method_refused(call.method, "PATCH");
    }
    if (call.method == "GET" || call.method == "POST") return read_all(call, org, *object);
    return method_refused(call.method, "HEAD,GET,POST");
}

}  // namespace latchkey::emulator::rest
