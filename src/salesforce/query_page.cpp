#include "salesforce/query_page.h"

#include <utility>

#include <simdjson.h>

#include "base/text.h"
#include "salesforce/errors.h"
#include "salesforce/rest_names.h"

namespace latchkey {

namespace {

constexpr std::string_view versions = "/services/data/v";
constexpr std::size_t most_soql_bytes = 100000;
constexpr std::size_t most_locator_bytes = 1000;

Error unreadable() {
    return {Fault::try_later, "upstream_invalid_response",
            "Salesforce answered a query with something that is not a page of records. Try again."};
}

namespace ondemand = simdjson::ondemand;

/// Reads the members in whatever order they stand. A record's bytes are found, not read: what is in
/// it is looked at when a field is asked for.
simdjson::error_code read_members(ondemand::document& document, QueryPage& page, bool& whole) {
    ondemand::object members;
    if (const auto failed = document.get_object().get(members)) return failed;
    bool total = false;
    bool listed = false;
    for (auto member : members) {
        std::string_view name;
        if (const auto failed = member.unescaped_key().get(name)) return failed;
        if (name == "totalSize") {
            if (const auto failed = member.value().get_int64().get(page.total_size)) return failed;
            total = true;
        } else if (name == "nextRecordsUrl") {
            ondemand::value value;
            if (const auto failed = member.value().get(value)) return failed;
            bool is_null = false;
            if (const auto failed = value.is_null().get(is_null)) return failed;
            if (is_null) continue;
            std::string_view next;
            if (const auto failed = value.get_string().get(next)) return failed;
            page.next = next;
        } else if (name == "records") {
            ondemand::array records;
            if (const auto failed = member.value().get_array().get(records)) return failed;
            page.records.clear();
            for (auto record : records) {
                ondemand::object object;
                if (const auto failed = record.get_object().get(object)) return failed;
                std::string_view bytes;
                if (const auto failed = object.raw_json().get(bytes)) return failed;
                // What lies between the brace and the next comma comes with it.
                bytes = bytes.substr(0, bytes.find_last_of('}') + 1);
                page.records.emplace_back(std::string{bytes});
            }
            listed = true;
        }
    }
    whole = total && listed;
    return simdjson::SUCCESS;
}

}  // namespace

Result<std::string> query_target(std::string_view soql, bool all_rows) {
    if (soql.empty() || soql.size() > most_soql_bytes) {
        return Error{Fault::bad_input, "invalid_soql",
                     "A SOQL query has 1 to 100,000 characters. Give one, such as SELECT Id FROM "
                     "Account."};
    }
    return std::string{salesforce::data_root} + (all_rows ? "/queryAll?q=" : "/query?q=") +
           percent_encode(soql);
}

Result<std::string> query_more_target(std::string_view next) {
    const bool fits = next.size() <= most_locator_bytes && next.starts_with(versions) &&
                      next.find("/query/") != std::string_view::npos &&
                      next.find("..") == std::string_view::npos;
    if (fits) return std::string{next};
    return Error{Fault::bad_input, "invalid_cursor",
                 "This is not the `next` of a query's page. Hand back what the page before had."};
}

Result<QueryPage> read_query_page(ApiResponse answer, bool whole) {
    const auto type = answer.header("Content-Type").value_or("");
    if (answer.status != 200) return salesforce::rest_problem(answer.status, type, answer.body);
    if (!whole) return unreadable();

    // The parser reads past the end, within what is reserved; what is there is of no account.
    answer.body.reserve(answer.body.size() + simdjson::SIMDJSON_PADDING);
    thread_local ondemand::parser parser;
    ondemand::document document;
    QueryPage read;
    bool complete = false;
    if (parser
            .iterate(simdjson::padded_string_view{answer.body.data(), answer.body.size(),
                                                  answer.body.capacity()})
            .get(document)) {
        return unreadable();
    }
    if (read_members(document, read, complete) || !complete) return unreadable();
    if (!read.next.empty() && !query_more_target(read.next)) return unreadable();
    return read;
}

}  // namespace latchkey
