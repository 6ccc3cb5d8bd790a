#include <fstream>
#include <iostream>
#include <iterator>

#include <boost/json.hpp>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/output.h"

namespace latchkey::cli {
namespace {

constexpr std::size_t most_body = 1024 * 1024;
constexpr int most_pages = 100'000;

Result<std::string> read_body(const std::string& name) {
    if (name.empty()) return std::string{};
    std::ifstream file;
    if (name != "-") file.open(name, std::ios::binary);
    std::istream& in = name == "-" ? std::cin : file;
    if (!in)
        return Error{Fault::bad_input, "body_unreadable", printable(name) + " cannot be read."};
    std::string body{std::istreambuf_iterator<char>{in}, {}};
    if (body.size() > most_body)
        return Error{Fault::bad_input, "body_too_large", "A body may have at most 1 MiB."};
    return body;
}

/// One page of a query, or the error that Salesforce answered.
Result<boost::json::object> page_of(const ApiResponse& answer) {
    boost::system::error_code failed;
    auto value = boost::json::parse(answer.body, failed);
    if (!failed && answer.status == 200 && value.is_object()) return std::move(value.get_object());
    std::string code = "http_" + std::to_string(answer.status), said;
    if (!failed && value.is_array() && !value.get_array().empty() &&
        value.get_array()[0].is_object()) {
        const auto& first = value.get_array()[0].get_object();
        if (const auto* c = first.if_contains("errorCode"); c != nullptr && c->is_string())
            code = ascii_lower(std::string_view{c->get_string()});
        if (const auto* m = first.if_contains("message"); m != nullptr && m->is_string())
            said = m->get_string();
    }
    return Error{answer.status < 500 ? Fault::bad_input : Fault::try_later, printable(code, 64),
                 "Salesforce refused the query.", printable(said)};
}

std::string cell(const boost::json::value& value) {
    if (value.is_null()) return "";
    if (value.is_string()) return std::string{value.get_string()};
    if (!value.is_object()) return boost::json::serialize(value);
    std::string out;
    for (const auto& [field, inner] : value.get_object())
        if (field != "attributes")
            out += (out.empty() ? "" : ", ") + std::string{field} + "=" + cell(inner);
    return out;
}

void print_records(const boost::json::array& records) {
    std::vector<std::string> heads;
    std::vector<std::vector<std::string>> rows;
    for (const auto& record : records) {
        if (!record.is_object()) continue;
        const auto& fields = record.get_object();
        if (heads.empty())
            for (const auto& [field, value] : fields)
                if (field != "attributes") heads.emplace_back(field);
        std::vector<std::string> row;
        for (const auto& head : heads) {
            const auto* value = fields.if_contains(head);
            row.push_back(value == nullptr ? "" : cell(*value));
        }
        rows.push_back(std::move(row));
    }
    if (!heads.empty()) print_table(heads, rows);
}

}  // namespace

int query(const QueryCommand& command) {
    auto backend = open_backend();
    if (!backend) return fail(backend.error(), command.json);
    auto id = choose(**backend, command.connection);
    if (!id) return fail(id.error(), command.json);

    std::string target = "/services/data/v68.0/query?q=" + percent_encode(command.soql);
    std::int64_t total = 0, shown = 0;
    for (int page_number = 0; page_number < most_pages; ++page_number) {
        auto answer = (*backend)->call(ApiRequest{*id, "GET", target});
        if (!answer) return fail(answer.error(), command.json);
        auto page = page_of(*answer);
        if (!page) return fail(page.error(), command.json);
        if (const auto* size = page->if_contains("totalSize"); size != nullptr && size->is_int64())
            total = size->get_int64();
        const auto* records = page->if_contains("records");
        if (records != nullptr && records->is_array()) {
            shown += static_cast<std::int64_t>(records->get_array().size());
            if (!command.json) print_records(records->get_array());
        }
        // A page a line: a large answer is never held as a whole.
        if (command.json) print_json(*page);
        const auto* next = page->if_contains("nextRecordsUrl");
        if (next == nullptr || !next->is_string()) break;
        target = next->get_string();
    }
    if (!command.json) std::cerr << shown << " of " << total << " records\n";
    return 0;
}

int api(const ApiCommand& command) {
    auto backend = open_backend();
    if (!backend) return fail(backend.error(), command.json);
    auto id = choose(**backend, command.connection);
    if (!id) return fail(id.error(), command.json);
    auto body = read_body(command.body_file);
    if (!body) return fail(body.error(), command.json);

    ApiRequest request{*id, command.method, command.path, std::move(*body)};
    bool typed = false;
    for (const auto& line : command.headers) {
        const auto colon = line.find(':');
        if (colon == std::string::npos || colon == 0)
            return fail({Fault::bad_input, "invalid_header", "Write a header as \"Name: value\"."},
                        command.json);
        const auto start = line.find_first_not_of(' ', colon + 1);
        request.headers.emplace_back(line.substr(0, colon),
                                     start == std::string::npos ? "" : line.substr(start));
        typed = typed || ascii_iequal(request.headers.back().first, "Content-Type");
    }
    if (!typed && !request.body.empty())
        request.headers.emplace_back("Content-Type", "application/json");

    auto answer = (*backend)->call(std::move(request));
    if (!answer) return fail(answer.error(), command.json);
    if (command.include) {
        std::cout << "HTTP " << answer->status << "\n";
        for (const auto& [name, value] : answer->headers)
            std::cout << printable(name, 256) << ": " << printable(value, 8192) << "\n";
        std::cout << "\n";
    }
    std::cout << answer->body;
    if (!answer->body.empty() && answer->body.back() != '\n') std::cout << "\n";
    if (answer->status < 400) return 0;
    std::cerr << "latchkey: Salesforce answered with status " << answer->status << "\n";
    return 1;
}

}  // namespace latchkey::cli
