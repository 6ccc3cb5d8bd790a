#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/text.h"
#include "emulator/data/csv.h"
#include "emulator/data/jobs.h"
#include "emulator/data/sobjects.h"
#include "emulator/data/write.h"

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

/// A CSV field as the JSON that the REST API takes; what cannot be read stays a text and is refused
/// there, with the API's own words.
json::value as_json(const FieldDef& field, const std::string& text) {
    if (text == "#N/A") return nullptr;
    if (field.type == FieldType::boolean) {
        if (ascii_iequal(text, "true") || text == "1") return true;
        if (ascii_iequal(text, "false") || text == "0") return false;
    }
    if (field.type == FieldType::integer || field.type == FieldType::currency ||
        field.type == FieldType::percent) {
        double number = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (failed == std::errc{} && end == text.data() + text.size() && std::isfinite(number)) {
            return number;
        }
    }
    return json::value(text);
}

struct Columns {
    std::vector<std::size_t> fields;  ///< of the object, by column
    std::optional<std::size_t> id, external;
};

/// Nothing, and the job failed, if the header names a field that is not there.
std::optional<Columns> read_header(const std::vector<std::string>& names, Job& job) {
    Columns columns;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto field = job.object->find(names[i]);
        if (!field) {
            job.state = JobState::failed;
            job.error_message =
                fmt::format("InvalidBatch : Field name not found : {}", printable(names[i], 80));
            return std::nullopt;
        }
        if (*field == 0) columns.id = i;
        if (field == job.external_id) columns.external = i;
        columns.fields.push_back(*field);
    }
    return columns;
}

struct Done {
    std::string id;
    bool created = false;
};

Outcome<std::size_t> row_to_change(const Table& table, const std::vector<std::string>& line,
                                   const Columns& columns) {
    if (!columns.id) {
        return ApiError{400, "MISSING_ARGUMENT", "Id not specified in an update call"};
    }
    const auto id = full_id(line[*columns.id]);
    const auto row = id ? table.find(*id) : std::nullopt;
    if (!row) return ApiError{400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"};
    if (table.row(*row).deleted) return ApiError{400, "ENTITY_IS_DELETED", "entity is deleted"};
    return *row;
}

Outcome<Done> run_line(const Call& call, Org& org, const Job& job,
                       const std::vector<std::string>& line, const Columns& columns) {
    const ObjectDef& object = *job.object;
    Table& table = org.table(object);
    if (line.size() != columns.fields.size()) {
        return ApiError{400, "INVALID_CSV",
                        fmt::format("The line has {} fields, the header {}", line.size(),
                                    columns.fields.size())};
    }
    if (job.operation == "delete" || job.operation == "hardDelete") {
        const auto row = row_to_change(table, line, columns);
        if (!row) return row.error();
        if (auto error = delete_record(call, org, object, *row)) return *error;
        return Done{table.row(*row).id()};
    }
    json::object fields;
    for (std::size_t i = 0; i < line.size(); ++i) {
        // An empty field is one that is not there; #N/A empties it.
        if (line[i].empty() || columns.id == i || columns.external == i) continue;
        const FieldDef& field = object.fields[columns.fields[i]];
        fields[field.name] = as_json(field, line[i]);
    }
    if (job.operation == "insert") {
        const auto row = create_record(call, org, object, fields, nullptr);
        if (!row) return row.error();
        return Done{table.row(*row).id(), true};
    }
    if (job.operation == "update") {
        const auto row = row_to_change(table, line, columns);
        if (!row) return row.error();
        if (auto error = update_record(call, org, object, fields, *row, nullptr)) return *error;
        return Done{table.row(*row).id()};
    }
    if (!columns.external || line[*columns.external].empty()) {
        return ApiError{400, "MISSING_ARGUMENT",
                        fmt::format("{} not specified", object.fields[*job.external_id].name)};
    }
    const PathKey key{*job.external_id, line[*columns.external]};
    const auto rows = rows_with(table, key.field, key.value);
    if (rows.size() > 1) {
        return ApiError{400, "DUPLICATE_EXTERNAL_ID", "more than one record found"};
    }
    if (rows.empty()) {
        const auto row = create_record(call, org, object, fields, &key);
        if (!row) return row.error();
        return Done{table.row(*row).id(), true};
    }
    if (auto error = update_record(call, org, object, fields, rows.front(), &key)) return *error;
    return Done{table.row(rows.front()).id()};
}

std::string as_line(const std::vector<std::string>& fields, const Job& job) {
    std::string line;
    for (const auto& field : fields) {
        if (!line.empty()) line += job.delimiter;
        put_csv(line, field);
    }
    return line;
}

bool line_ending_fits(const Job& job) {
    const auto end = job.upload.find('\n');
    if (end == job.upload.npos) return true;
    const bool crlf = end > 0 && job.upload[end - 1] == '\r';
    return crlf == (job.line_ending == "CRLF");
}

}  // namespace

void run_ingest(const Call& call, Org& org, Job& job) {
    job.state = JobState::complete;
    const std::string upload = std::exchange(job.upload, {});
    CsvRows rows(upload, job.delimiter);
    const auto names = rows.next();
    if (!names) {
        job.state = JobState::failed;
        job.error_message = "InvalidBatch : The data has no header line";
        return;
    }
    job.upload = upload.substr(0, upload.find('\n') + 1);
    const bool fits = line_ending_fits(job);
    job.upload.clear();
    job.header = as_line(*names, job);
    if (!fits) {
        job.state = JobState::failed;
        job.error_message = fmt::format(
            "ClientInputError : LineEnding is invalid on user data. Current "
            "LineEnding setting is {}",
            job.line_ending);
        return;
    }
    const auto columns = read_header(*names, job);
    if (!columns) return;
    const std::string end = job.line_ending == "LF" ? "\n" : "\r\n";
    while (const auto line = rows.next()) {
        ++job.processed;
        const auto done = run_line(call, org, job, *line, *columns);
        std::string& result = done ? job.successful : job.failed;
        put_csv(result, done ? done->id : "");
        result += job.delimiter;
        if (done) {
            put_csv(result, done->created ? "true" : "false");
        } else {
            ++job.refused;
            put_csv(result,
                    fmt::format("{}:{}:{}--", done.error().code, done.error().message,
                                done.error().fields.empty() ? "" : done.error().fields.front()));
        }
        result += job.delimiter;
        result += as_line(*line, job);
        result += end;
    }
    if (rows.broken()) {
        job.state = JobState::failed;
        job.error_message = "InvalidBatch : A quoted field does not end";
    }
}

}  // namespace latchkey::emulator::rest
