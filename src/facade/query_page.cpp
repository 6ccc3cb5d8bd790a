#include "facade/query_page.h"

#include <optional>
#include <utility>
#include <vector>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

#include "base/text.h"
#include "salesforce/errors.h"

namespace latchkey {

namespace {

constexpr std::string_view versions = "/services/data/v";
constexpr std::size_t most_soql_bytes = 100000;
constexpr std::size_t most_locator_bytes = 1000;

Error unreadable() {
    return {Fault::try_later, "upstream_invalid_response",
            "Salesforce answered a query with something that is not a page of records. Try again."};
}

bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::size_t past_blanks(std::string_view text, std::size_t at) {
    while (at < text.size() && blank(text[at])) ++at;
    return at;
}

std::size_t past_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
    }
    return at + 1;
}

/// Where the value that begins at `at` ends, in text that a parser has found to be JSON.
std::size_t past_value(std::string_view text, std::size_t at) {
    if (text[at] == '"') return past_string(text, at);
    if (text[at] != '{' && text[at] != '[') {
        const auto end = text.find_first_of(",]} \t\r\n", at);
        return end == std::string_view::npos ? text.size() : end;
    }
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = past_string(text, at);
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        ++at;
        if (depth == 0) return at;
    }
    return text.size();
}

/// The text of a member of the outermost object; the last one where a name stands twice, as the
/// parser has it.
std::optional<std::string_view> member(std::string_view object, std::string_view name) {
    std::optional<std::string_view> found;
    auto at = past_blanks(object, object.find('{') + 1);
    while (at < object.size() && object[at] == '"') {
        const auto key_end = past_string(object, at);
        const auto key = object.substr(at + 1, key_end - at - 2);
        const auto begin = past_blanks(object, past_blanks(object, key_end) + 1);
        const auto end = past_value(object, begin);
        if (key == name) found = object.substr(begin, end - begin);
        at = past_blanks(object, end);
        if (at < object.size() && object[at] == ',') at = past_blanks(object, at + 1);
    }
    return found;
}

std::vector<Record> records_of(std::string_view array) {
    std::vector<Record> records;
    auto at = past_blanks(array, 1);
    while (at < array.size() && array[at] != ']') {
        const auto end = past_value(array, at);
        records.emplace_back(std::string{array.substr(at, end - at)});
        at = past_blanks(array, end);
        if (at < array.size() && array[at] == ',') at = past_blanks(array, at + 1);
    }
    return records;
}

}  // namespace

Result<std::string> query_target(std::string_view soql) {
    if (soql.empty() || soql.size() > most_soql_bytes) {
        return Error{Fault::bad_input, "invalid_soql",
                     "A SOQL query has 1 to 100,000 characters. Give one, such as SELECT Id FROM "
                     "Account."};
    }
    return std::string{versions} + "68.0/query?q=" + percent_encode(soql);
}

Result<std::string> query_more_target(std::string_view next) {
    const bool fits = next.size() <= most_locator_bytes && next.starts_with(versions) &&
                      next.find("/query/") != std::string_view::npos &&
                      next.find("..") == std::string_view::npos;
    if (fits) return std::string{next};
    return Error{Fault::bad_input, "invalid_cursor",
                 "This is not the `next` of a query's page. Hand back what the page before had."};
}

Result<QueryPage> read_query_page(const ApiResponse& answer, bool whole) {
    const auto type = answer.header("Content-Type").value_or("");
    if (answer.status != 200) return salesforce::rest_problem(answer.status, type, answer.body);
    if (!whole) return unreadable();

    boost::json::monotonic_resource memory;
    boost::system::error_code failed;
    const auto parsed = boost::json::parse(answer.body, failed, &memory);
    if (failed || !parsed.is_object()) return unreadable();
    const auto& page = parsed.get_object();
    const auto* total = page.if_contains("totalSize");
    const auto* records = page.if_contains("records");
    if (total == nullptr || !total->is_int64() || records == nullptr || !records->is_array()) {
        return unreadable();
    }
    for (const auto& record : records->get_array()) {
        if (!record.is_object()) return unreadable();
    }

    QueryPage read;
    read.total_size = total->get_int64();
    const auto raw = member(answer.body, "records");
    if (!raw) return unreadable();
    read.records = records_of(*raw);
    if (const auto* next = page.if_contains("nextRecordsUrl"); next != nullptr && next->is_string()) {
        const std::string locator{next->get_string().c_str(), next->get_string().size()};
        auto checked = query_more_target(locator);
        if (!checked) return unreadable();
        read.next = std::move(*checked);
    }
    return read;
}

}  // namespace latchkey
