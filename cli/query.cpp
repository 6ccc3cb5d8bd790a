#include <cctype>
#include <iostream>
#include <optional>

#include <boost/json.hpp>

#include <latchkey/bulk.h>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/output.h"
#include "cli/progress.h"

namespace latchkey::cli {
namespace {

constexpr int most_pages = 100'000;

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

/// The columns that a query names, if it names nothing but fields: "SELECT Id, Owner.Name FROM ...".
std::optional<std::vector<std::string>> named_fields(const std::string& soql) {
    const std::string lower = ascii_lower(soql);
    const auto begin = lower.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos || lower.compare(begin, 6, "select") != 0) return std::nullopt;
    std::vector<std::string> fields(1);
    bool ended = false;  // the name; only a comma may follow
    for (std::size_t i = begin + 6; i < soql.size(); ++i) {
        const char c = soql[i];
        auto& field = fields.back();
        if (std::isspace(static_cast<unsigned char>(c)) != 0) {
            ended = !field.empty();
        } else if (c == ',') {
            if (field.empty()) return std::nullopt;
            fields.emplace_back();
            ended = false;
        } else if (ended) {
            if (lower.compare(i, 4, "from") != 0) return std::nullopt;
            return fields;
        } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.') {
            field += c;
        } else {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

/// The fields of a record, those of its parents as "Owner.Name".
void flatten(const boost::json::object& from, const std::string& before,
             std::vector<std::string>& names) {
    for (const auto& [field, value] : from) {
        if (field == "attributes") continue;
        const std::string name = before + std::string{field};
        const bool parent = value.is_object() && !value.get_object().contains("records");
        if (parent) {
            flatten(value.get_object(), name + ".", names);
        } else {
            names.push_back(name);
        }
    }
}

std::vector<std::string> fields_of(const Record& record) {
    std::vector<std::string> names;
    boost::system::error_code failed;
    const auto value = boost::json::parse(record.json(), failed);
    if (!failed && value.is_object()) flatten(value.get_object(), "", names);
    return names;
}

/// False when nobody takes what is printed: a full disk, or a reader that has gone.
bool print(const std::string& text) {
    std::cout.write(text.data(), static_cast<std::streamsize>(text.size()));
    std::cout.flush();
    return static_cast<bool>(std::cout);
}

Error not_written() {
    return {Fault::misconfigured, "output_failed",
            "Standard output takes no more, so the rest was left out. Look at its disk or reader."};
}

/// Salesforce keeps no empty text: an empty field is a value that is not there.
void put_json_line(std::string& out, const CsvPage& page, std::size_t row) {
    boost::json::object line;
    for (std::size_t i = 0; i < page.columns().size(); ++i) {
        const auto field = page.field(row, i);
        auto& value = line[page.columns()[i]];
        if (!field.empty()) value = boost::json::string_view{field};
    }
    out += boost::json::serialize(line) += '\n';
}

int bulk_query(const QueryCommand& command, const Bulk& bulk) {
    Progress progress{command.progress, "rows"};
    BulkQueryOptions options;
    options.all_rows = command.all_rows;
    options.stop = progress.stop();
    auto rows = bulk.query(command.soql, std::move(options));
    const auto showing = progress.show([&rows] {
        const auto job = rows.job();
        return job.id.empty() || job.state == BulkState::complete ? std::string{}
                                                                  : std::string{name(job.state)};
    });
    std::int64_t shown = 0;
    bool headed = false;
    for (;;) {
        const auto page = rows.next();
        progress.pause();
        if (!page) return fail(page.error(), command.json);
        std::string out;
        if (!command.json && !headed && !page->columns().empty()) {
            put_csv_row(out, page->columns());
            headed = true;
        }
        for (std::size_t i = 0; i < page->size(); ++i) {
            if (command.json) {
                put_json_line(out, *page, i);
            } else {
                put_csv_row(out, (*page)[i]);
            }
        }
        if (!print(out)) return fail(not_written(), false);
        shown += static_cast<std::int64_t>(page->size());
        progress.count(shown);
        if (page->empty()) break;
    }
    progress.end();
    if (!command.json) std::cerr << shown << " rows\n";
    return 0;
}

int csv_query(const QueryCommand& command, const Rest& rest) {
    Progress progress{command.progress, "records"};
    QueryOptions options;
    options.all_rows = command.all_rows;
    options.stop = progress.stop();
    auto stream = rest.query(command.soql, std::move(options));
    const auto showing = progress.show([] { return std::string{}; });
    auto columns = named_fields(command.soql);
    bool headed = false;
    std::int64_t shown = 0;
    std::vector<std::string> fields;
    for (;;) {
        const auto records = stream.next();
        progress.pause();
        if (!records) return fail(records.error(), false);
        if (!columns && !records->empty()) columns = fields_of(records->front());
        std::string out;
        if (columns && !std::exchange(headed, true)) put_csv_row(out, *columns);
        for (const auto& record : *records) {
            fields.clear();
            for (const auto& column : *columns) fields.push_back(record.text(column).value_or(""));
            put_csv_row(out, fields);
        }
        if (!print(out)) return fail(not_written(), false);
        shown += static_cast<std::int64_t>(records->size());
        progress.count(shown);
        if (records->empty()) break;
    }
    progress.end();
    std::cerr << shown << " records\n";
    return 0;
}

int page_query(const QueryCommand& command, Backend& backend, const ConnectionId& id) {
    std::string target = std::string{"/services/data/v68.0/"} +
                         (command.all_rows ? "queryAll?q=" : "query?q=") +
                         percent_encode(command.soql);
    std::int64_t total = 0, shown = 0;
    for (int page_number = 0; page_number < most_pages; ++page_number) {
        auto answer = backend.call(ApiRequest{id, "GET", target});
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

}  // namespace

int query(const QueryCommand& command) {
    auto backend = open_backend();
    if (!backend) return fail(backend.error(), command.json);
    auto id = choose(**backend, command.connection);
    if (!id) return fail(id.error(), command.json);
    if (command.bulk) return bulk_query(command, Bulk{(*backend)->rest(*id)});
    if (command.csv) return csv_query(command, (*backend)->rest(*id));
    return page_query(command, **backend, *id);
}

}  // namespace latchkey::cli
