#include "emulator/data/write.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "emulator/data/write_value.h"

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

std::string joined(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& one : names) all += (all.empty() ? "" : ", ") + one;
    return all;
}

ApiError not_in_data(std::string_view field) {
    return {400, "INVALID_FIELD",
            fmt::format("The {} field should not be specified in the sobject data.", field)};
}

/// Sets what the fields name; `given` becomes true for each.
std::optional<ApiError> set_fields(Org& org, Record& record, const ObjectDef& object,
                                   const json::object& fields, const PathKey* key, bool creating,
                                   std::vector<bool>& given) {
    std::vector<std::string> refused;
    for (const auto& [name, content] : fields) {
        if (ascii_iequal(name, "attributes")) continue;
        const auto field = object.find(name);
        if (!field) {
            return ApiError{400, "INVALID_FIELD",
                            fmt::format("No such column '{}' on sobject of type {}",
                                        printable(name, 80), object.name)};
        }
        if (*field == 0 || (key != nullptr && key->field == *field)) {
            return not_in_data(object.fields[*field].name);
        }
        if (object.fields[*field].is(read_only)) refused.emplace_back(object.fields[*field].name);
    }
    if (!refused.empty()) {
        return ApiError{400, "INVALID_FIELD_FOR_INSERT_UPDATE",
                        fmt::format("Unable to create/update fields: {}. Please check that they "
                                    "can be written by this user.",
                                    joined(refused)),
                        refused};
    }

    std::vector<std::string> missing;
    for (const auto& [name, content] : fields) {
        const auto field = object.find(name);
        if (!field) continue;  // attributes
        auto value = value_from_json(org, object.fields[*field], content);
        if (!value) return value.error();
        record.fields[*field] = std::move(*value);
        given[*field] = true;
    }
    for (std::size_t i = 0; i < object.fields.size(); ++i) {
        const FieldDef& field = object.fields[i];
        const bool owner = field.name == "OwnerId";
        if ((field.is(required) || owner) && (creating || given[i]) && is_null(record.fields[i])) {
            missing.emplace_back(field.name);
        }
    }
    if (!missing.empty()) {
        return ApiError{400, "REQUIRED_FIELD_MISSING",
                        fmt::format("Required fields are missing: [{}]", joined(missing)), missing};
    }
    return std::nullopt;
}

void stamp(Record& record, const ObjectDef& object, const Call& call) {
    const std::int64_t now = call.now.time_since_epoch().count();
    record.fields[object.at("LastModifiedDate")] = now;
    record.fields[object.at("LastModifiedById")] = call.caller.user_id;
    record.fields[object.at("SystemModstamp")] = now;
}

ApiError not_possible(const ObjectDef& object, std::string_view done) {
    return {400, "INVALID_TYPE_FOR_OPERATION",
            fmt::format("entity type cannot be {}: {}", done, object.name)};
}

void set_default(Record& record, const ObjectDef& object, std::string_view field, Value value) {
    if (const auto found = object.find(field)) record.fields[*found] = std::move(value);
}

void put_into_bin(Table& table, std::size_t row, const Call& call) {
    const ObjectDef& object = table.object();
    Record& record = table.change(row);
    record.deleted = true;
    record.fields[object.at("IsDeleted")] = true;
    stamp(record, object, call);
}

}  // namespace

Outcome<json::object> read_body(const Call& call) {
    const auto type = call.request.headers.find("Content-Type");
    if (type && !ascii_iequal(type->substr(0, type->find(';')), "application/json")) {
        return ApiError{415, "UNSUPPORTED_MEDIA_TYPE",
                        fmt::format("Content type '{}' is not supported; send application/json.",
                                    printable(*type, 80))};
    }
    boost::system::error_code failed;
    json::value body = json::parse(call.request.body, failed);
    if (failed) {
        return ApiError{400, "JSON_PARSER_ERROR",
                        fmt::format("The body is not JSON: {}", failed.message())};
    }
    if (!body.is_object()) {
        return ApiError{400, "JSON_PARSER_ERROR", "The body is not a JSON object."};
    }
    return std::move(body.get_object());
}

Outcome<std::size_t> create_record(const Call& call, Org& org, const ObjectDef& object,
                                   const json::object& fields, const PathKey* key) {
    if (!object.createable) return not_possible(object, "inserted");
    Table& table = org.table(object);
    if (table.size() >= Org::most_rows) {
        return ApiError{400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded"};
    }
    Record record(object);
    for (std::size_t i = 0; i < object.fields.size(); ++i) {
        if (object.fields[i].type == FieldType::boolean) record.fields[i] = false;
    }
    set_default(record, object, "OwnerId", call.caller.user_id);
    set_default(record, object, "Status", std::string("Open - Not Contacted"));
    set_default(record, object, "CreatedDate", call.now.time_since_epoch().count());
    set_default(record, object, "CreatedById", call.caller.user_id);
    if (key != nullptr) record.fields[key->field] = key->value;

    std::vector<bool> given(object.fields.size());
    if (auto error = set_fields(org, record, object, fields, key, true, given)) return *error;
    derive_fields(object, record, given);
    stamp(record, object, call);
    return table.add(std::move(record));
}

std::optional<ApiError> update_record(const Call& call, Org& org, const ObjectDef& object,
                                      const json::object& fields, std::size_t row,
                                      const PathKey* key) {
    if (!object.updateable) return not_possible(object, "updated");
    Record record = org.table(object).row(row);
    std::vector<bool> given(object.fields.size());
    if (auto error = set_fields(org, record, object, fields, key, false, given)) return error;
    derive_fields(object, record, given);
    stamp(record, object, call);
    org.table(object).change(row) = std::move(record);
    return std::nullopt;
}

std::optional<ApiError> delete_record(const Call& call, Org& org, const ObjectDef& object,
                                      std::size_t row) {
    if (!object.deletable) return not_possible(object, "deleted");
    Table& table = org.table(object);
    put_into_bin(table, row, call);
    const Value id = table.row(row).id();
    for (const ObjectDef& other : objects()) {
        for (std::size_t i = 0; i < other.fields.size(); ++i) {
            const FieldDef& field = other.fields[i];
            if (!field.is(cascade) || field.refers_to != object.name) continue;
            Table& children = org.table(other);
            for (std::size_t child = 0; child < children.size(); ++child) {
                if (!children.row(child).deleted && children.row(child).fields[i] == id) {
                    put_into_bin(children, child, call);
                }
            }
        }
    }
    return std::nullopt;
}

}  // namespace latchkey::emulator::rest
