#include "rest/records.h"

#include <algorithm>
#include <utility>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "salesforce/errors.h"
#include "salesforce/rest_names.h"
#include "salesforce/save_answers.h"

namespace latchkey::rest {
namespace {

using namespace salesforce;

/// One call below the data root.
/// errors  what an answer of 300 and more means; those of ApiPort::call
Task<ApiResponse> ask(Place place, std::string method, std::string path, std::string body,
                      Deadline by) {
    ApiRequest request;
    request.connection = std::move(place.connection);
    request.method = std::move(method);
    request.target = std::string{data_root} + path;
    request.body = std::move(body);
    if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.headers.emplace_back("Accept", "application/json");
    auto answer = co_await place.port->call(std::move(request), by);
    if (!answer) co_return answer.error();
    if (answer->status == 300) {
        co_return Error{Fault::conflict, "several_records",
                        "More than one record has this external id. Make it unique, or use the "
                        "record's id."};
    }
    if (answer->status >= 400 || answer->status < 200) {
        co_return rest_problem(answer->status, answer->header("Content-Type").value_or(""),
                               answer->body);
    }
    co_return std::move(*answer);
}

Error too_many(std::size_t most) {
    return {Fault::bad_input, "too_many_records",
            "One call takes 1 to " + std::to_string(most) +
                " records. Send the others in further calls, or use a bulk job."};
}

std::string quoted(std::string_view text) {
    return boost::json::serialize(boost::json::value(boost::json::string_view{text}));
}

/// A record of a collection: attributes, the key if it has one, the fields.
void add_row(std::string& rows, const std::string& object, std::string_view key_field,
             const std::string& key, const Fields& fields) {
    if (!rows.empty()) rows += ',';
    rows += R"({"attributes":{"type":")" + object + R"("})";
    if (!key_field.empty()) {
        rows += ",\"";
        rows += key_field;
        rows += "\":" + quoted(key);
    }
    if (!fields.empty()) rows += "," + fields.members();
    rows += '}';
}

std::string batch(bool all_or_none, const std::string& rows) {
    return std::string{R"({"allOrNone":)"} + (all_or_none ? "true" : "false") + R"(,"records":[)" +
           rows + "]}";
}

Task<std::vector<RowResult>> write_rows(Place place, std::string method, std::string path,
                                        std::string body, std::size_t sent, Deadline by) {
    auto answer =
        co_await ask(std::move(place), std::move(method), std::move(path), std::move(body), by);
    if (!answer) co_return answer.error();
    co_return read_results(answer->body, sent);
}

Result<std::string> record_path(const std::string& object, const std::string& id) {
    if (auto fits = check_name(object); !fits) return fits.error();
    if (auto fits = check_id(id); !fits) return fits.error();
    return "/sobjects/" + object + "/" + id;
}

/// Characters that a path carries unescaped. The gateway forwards no path that hides others.
bool fits_path(std::string_view key) {
    return std::ranges::all_of(key, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

/// An upsert whose external id goes in the body, as a collection of one.
Task<Upserted> upsert_in_body(Place place, std::string object, std::string key_field,
                              std::string key, Fields fields, Deadline by) {
    std::vector<KeyedFields> records;
    records.emplace_back(std::move(key), std::move(fields));
    auto results = co_await upsert_many(std::move(place), std::move(object), std::move(key_field),
                                        std::move(records), true, by);
    if (!results) co_return results.error();
    const auto& result = results->front();
    if (!result.success) {
        const RowProblem problem = result.problems.empty() ? RowProblem{} : result.problems.front();
        const std::string told = R"([{"errorCode":)" + quoted(problem.code) + R"(,"message":)" +
                                 quoted(problem.message) + "}]";
        co_return rest_problem(400, "application/json", told);
    }
    Upserted saved;
    saved.id = result.id;
    saved.created = result.created;
    co_return saved;
}

}  // namespace

Task<std::string> create(Place place, std::string object, Fields fields, Deadline by) {
    if (auto fits = check_name(object); !fits) co_return fits.error();
    auto answer = co_await ask(std::move(place), "POST", "/sobjects/" + object, fields.json(), by);
    if (!answer) co_return answer.error();
    auto saved = read_saved(answer->body);
    if (!saved) co_return saved.error();
    co_return std::move(saved->id);
}

Task<Record> read(Place place, std::string object, std::string id, std::vector<std::string> fields,
                  Deadline by) {
    auto path = record_path(object, id);
    if (!path) co_return path.error();
    auto list = field_list(fields);
    if (!list) co_return list.error();
    if (!list->empty()) *path += "?fields=" + *list;
    auto answer = co_await ask(std::move(place), "GET", std::move(*path), "", by);
    if (!answer) co_return answer.error();
    co_return Record{std::move(answer->body)};
}

Task<bool> update(Place place, std::string object, std::string id, Fields fields, Deadline by) {
    auto path = record_path(object, id);
    if (!path) co_return path.error();
    auto answer = co_await ask(std::move(place), "PATCH", std::move(*path), fields.json(), by);
    if (!answer) co_return answer.error();
    co_return true;
}

Task<Upserted> upsert(Place place, std::string object, std::string key_field, std::string key,
                      Fields fields, Deadline by) {
    if (auto fits = check_name(object); !fits) co_return fits.error();
    if (auto fits = check_name(key_field); !fits) co_return fits.error();
    if (key.empty()) {
        co_return Error{Fault::bad_input, "invalid_key",
                        "An external id has at least a character."};
    }
    if (!fits_path(key)) {
        auto one =
            co_await upsert_in_body(std::move(place), std::move(object), std::move(key_field),
                                    std::move(key), std::move(fields), by);
        co_return one;
    }
    std::string path = "/sobjects/" + object + "/" + key_field + "/" + key;
    auto answer = co_await ask(std::move(place), "PATCH", std::move(path), fields.json(), by);
    if (!answer) co_return answer.error();
    co_return read_saved(answer->body);
}

Task<bool> remove(Place place, std::string object, std::string id, Deadline by) {
    auto path = record_path(object, id);
    if (!path) co_return path.error();
    auto answer = co_await ask(std::move(place), "DELETE", std::move(*path), "", by);
    if (!answer) co_return answer.error();
    co_return true;
}

Task<std::vector<RowResult>> create_many(Place place, std::string object,
                                         std::vector<Fields> records, bool all_or_none,
                                         Deadline by) {
    if (auto fits = check_name(object); !fits) co_return fits.error();
    if (records.empty() || records.size() > most_written) co_return too_many(most_written);
    std::string rows;
    for (const auto& record : records) add_row(rows, object, "", "", record);
    auto results = co_await write_rows(std::move(place), "POST", "/composite/sobjects",
                                       batch(all_or_none, rows), records.size(), by);
    co_return results;
}

Task<std::vector<RowResult>> update_many(Place place, std::string object,
                                         std::vector<KeyedFields> records, bool all_or_none,
                                         Deadline by) {
    if (auto fits = check_name(object); !fits) co_return fits.error();
    if (records.empty() || records.size() > most_written) co_return too_many(most_written);
    std::string rows;
    for (const auto& record : records) {
        if (auto fits = check_id(record.key); !fits) co_return fits.error();
        add_row(rows, object, "id", record.key, record.fields);
    }
    auto results = co_await write_rows(std::move(place), "PATCH", "/composite/sobjects",
                                       batch(all_or_none, rows), records.size(), by);
    co_return results;
}

Task<std::vector<RowResult>> upsert_many(Place place, std::string object, std::string key_field,
                                         std::vector<KeyedFields> records, bool all_or_none,
                                         Deadline by) {
    if (auto fits = check_name(object); !fits) co_return fits.error();
    if (auto fits = check_name(key_field); !fits) co_return fits.error();
    if (records.empty() || records.size() > most_written) co_return too_many(most_written);
    std::string rows;
    for (const auto& record : records) {
        add_row(rows, object, key_field, record.key, record.fields);
    }
    auto results = co_await write_rows(std::move(place), "PATCH",
                                       "/composite/sobjects/" + object + "/" + key_field,
                                       batch(all_or_none, rows), records.size(), by);
    co_return results;
}

Task<std::vector<RowResult>> remove_many(Place place, std::vector<std::string> ids,
                                         bool all_or_none, Deadline by) {
    if (ids.empty() || ids.size() > most_written) co_return too_many(most_written);
    std::string path = "/composite/sobjects?ids=";
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (auto fits = check_id(ids[i]); !fits) co_return fits.error();
        path += (i == 0 ? "" : ",") + ids[i];
    }
    path += all_or_none ? "&allOrNone=true" : "&allOrNone=false";
    auto results =
        co_await write_rows(std::move(place), "DELETE", std::move(path), "", ids.size(), by);
    co_return results;
}

Task<std::vector<std::optional<Record>>> read_many(Place place, std::string object,
                                                   std::vector<std::string> ids,
                                                   std::vector<std::string> fields, Deadline by) {
    if (auto fits = check_name(object); !fits) co_return fits.error();
    if (ids.empty() || ids.size() > most_read) co_return too_many(most_read);
    if (auto list = field_list(fields); !list) co_return list.error();
    std::string body = R"({"ids":[)";
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (auto fits = check_id(ids[i]); !fits) co_return fits.error();
        body += (i == 0 ? "\"" : ",\"") + ids[i] + "\"";
    }
    body += R"(],"fields":[)";
    for (std::size_t i = 0; i < fields.size(); ++i) {
        body += (i == 0 ? "\"" : ",\"") + fields[i] + "\"";
    }
    body += "]}";
    auto answer = co_await ask(std::move(place), "POST", "/composite/sobjects/" + object,
                               std::move(body), by);
    if (!answer) co_return answer.error();
    co_return read_found(answer->body, ids.size());
}

Task<std::vector<CompositeAnswer>> composite(Place place, std::vector<CompositePart> parts,
                                             bool all_or_none, Deadline by) {
    if (parts.empty() || parts.size() > most_parts) {
        co_return Error{Fault::bad_input, "too_many_parts",
                        "A composite call takes 1 to 25 requests. Send the others in further "
                        "calls."};
    }
    std::string list;
    for (const auto& part : parts) {
        if (!list.empty()) list += ',';
        list += R"({"method":)" + quoted(part.method) + R"(,"url":)" + quoted(part.target) +
                R"(,"referenceId":)" + quoted(part.reference);
        if (!part.body_json.empty()) list += R"(,"body":)" + part.body_json;
        list += '}';
    }
    std::string body = std::string{R"({"allOrNone":)"} + (all_or_none ? "true" : "false") +
                       R"(,"compositeRequest":[)" + list + "]}";
    auto answer = co_await ask(std::move(place), "POST", "/composite", std::move(body), by);
    if (!answer) co_return answer.error();
    co_return read_composite(answer->body);
}

Task<Record> describe(Place place, std::string object, Deadline by) {
    if (auto fits = check_name(object); !fits) co_return fits.error();
    auto answer =
        co_await ask(std::move(place), "GET", "/sobjects/" + object + "/describe", "", by);
    if (!answer) co_return answer.error();
    co_return Record{std::move(answer->body)};
}

Task<OrgLimits> limits(Place place, Deadline by) {
    auto answer = co_await ask(std::move(place), "GET", "/limits", "", by);
    if (!answer) co_return answer.error();
    co_return read_limits(answer->body);
}

}  // namespace latchkey::rest
