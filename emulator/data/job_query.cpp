#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/text.h"
#include "emulator/data/csv.h"
#include "emulator/data/jobs.h"
#include "emulator/data/render.h"
#include "emulator/data/seed.h"
#include "emulator/data/soql_run.h"
#include "emulator/data/write.h"

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

/// A page of results has no more lines than this, whatever is asked for: an answer is held in memory
/// while it is sent. Tables have fewer rows, so only generated records take several pages by
/// themselves.
constexpr std::size_t largest_page = 50'000;

std::optional<std::size_t> whole_number(std::string_view text) {
    std::size_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

void put_header(std::string& out, const Job& job, const ObjectDef& object,
                const std::vector<Selected>& selected, const std::string& before) {
    for (const Selected& one : selected) {
        const FieldDef& field = object.fields[one.field];
        if (one.target != nullptr) {
            put_header(out, job, *one.target, one.of_target,
                       before + std::string(field.relationship) + ".");
            continue;
        }
        if (!out.empty()) out += job.delimiter;
        put_csv(out, before + std::string(field.name));
    }
}

std::string as_text(const Value& value, FieldType type) {
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
    if (const auto* time = std::get_if<std::int64_t>(&value)) {
        if (type == FieldType::date) return print_date(*time);
        // Here with a Z, where JSON answers have +0000.
        std::string text = print_datetime(*time);
        return text.replace(text.size() - 5, 5, "Z");
    }
    return "";
}

void put_row(std::string& out, bool& first, const Job& job, Org& org, const Table& table,
             std::optional<std::size_t> row, const std::vector<Selected>& selected) {
    for (const Selected& one : selected) {
        const Value value = row ? table.row(*row).fields[one.field] : Value{};
        if (one.target != nullptr) {
            const Table& target = org.table(*one.target);
            const auto* id = std::get_if<std::string>(&value);
            put_row(out, first, job, org, target, id ? target.find(*id) : std::nullopt,
                    one.of_target);
            continue;
        }
        if (!std::exchange(first, false)) out += job.delimiter;
        put_csv(out, as_text(value, table.object().fields[one.field].type));
    }
}

/// errors  400 of the query, or INVALIDJOB
Outcome<Job> read_query_job(const Call& call, Org& org) {
    auto wish = read_body(call);
    if (!wish) return wish.error();
    const auto text_of = [&](std::string_view name) {
        const auto* value = wish->if_contains(name);
        return value != nullptr && value->is_string() ? std::string{value->get_string()} : "";
    };
    Job job;
    job.query = true;
    job.operation = text_of("operation");
    if (job.operation != "query" && job.operation != "queryAll") {
        return ApiError{400, "INVALIDJOB", "operation is query or queryAll."};
    }
    if (auto error = read_csv_form(*wish, job)) return *error;
    const std::string text = text_of("query");
    const auto soql = parse_soql(text);
    if (!soql) return soql.error();
    auto query = bind_soql(*soql, text, call.now);
    if (!query) return query.error();
    if (query->count) {
        return ApiError{400, "INVALIDJOB", "Aggregate queries are not possible in a bulk query."};
    }
    job.object = query->object;
    if (query->object->generated) {
        const auto span = span_of(*query, org.generated_rows);
        if (!span) return span.error();
        job.generated = *span;
        job.processed = span->count;
    } else {
        job.rows = run_soql(*query, org, job.operation == "queryAll");
        job.processed = std::ssize(job.rows);
    }
    job.selected = std::move(query->selected);
    return job;
}

}  // namespace

Reply open_query_job(const Call& call, Org& org, Jobs& jobs) {
    auto job = read_query_job(call, org);
    if (!job) return error_reply(job.error());
    job->user_id = call.caller.user_id;
    job->version = call.version;
    job->created = job->changed = call.now;
    job->state = JobState::upload_complete;
    auto added = jobs.add(std::move(*job));
    if (!added) return error_reply(added.error());
    return json_reply(200, show_job(**added));
}

Reply query_results(const Call& call, Org& org, const Job& job) {
    if (call.version != job.version) {
        return error_reply({409, "API_ERROR",
                            "The results are asked for with another API version than the job's."});
    }
    const auto from = whole_number(call.param("locator").value_or("0"));
    const auto total = static_cast<std::size_t>(job.processed);
    if (!from || *from > total) {
        return error_reply({400, "INVALID_QUERY_LOCATOR", "invalid query locator"});
    }
    auto wanted = whole_number(call.param("maxRecords").value_or(std::to_string(largest_page)));
    if (!wanted || *wanted == 0) {
        return error_reply({400, "BAD_REQUEST", "maxRecords is a number from 1 on."});
    }
    const std::size_t until = std::min(total, *from + std::min(*wanted, largest_page));

    std::string body;
    put_header(body, job, *job.object, job.selected, "");
    const std::string end = job.line_ending == "LF" ? "\n" : "\r\n";
    body += end;
    if (job.generated) {
        const Generator generator(Generator::Form::csv, *job.object, job.selected,
                                  first_number(org.seed()), call.base, job.delimiter, end);
        generator.print(body, {job.generated->first + static_cast<std::int64_t>(*from),
                               static_cast<std::int64_t>(until - *from)});
    } else {
        const Table& table = org.table(*job.object);
        for (std::size_t i = *from; i < until; ++i) {
            bool first = true;
            put_row(body, first, job, org, table, job.rows[i], job.selected);
            body += end;
        }
    }
    Headers headers{{"Content-Type", "text/csv"},
                    {"Sforce-NumberOfRecords", std::to_string(until - *from)},
                    {"Sforce-Locator", until == total ? "null" : std::to_string(until)}};
    return Reply{200, std::move(headers), std::move(body)};
}

}  // namespace latchkey::emulator::rest
