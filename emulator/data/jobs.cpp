#include "emulator/data/jobs.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "emulator/data/csv.h"
#include "emulator/data/write.h"

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

struct Delimiter {
    std::string_view name;
    char character;
};
constexpr std::array<Delimiter, 6> delimiters{{{"COMMA", ','},
                                               {"TAB", '\t'},
                                               {"PIPE", '|'},
                                               {"SEMICOLON", ';'},
                                               {"CARET", '^'},
                                               {"BACKQUOTE", '`'}}};

std::string_view name(JobState state) {
    switch (state) {
        case JobState::open:
            return "Open";
        case JobState::upload_complete:
            return "UploadComplete";
        case JobState::in_progress:
            return "InProgress";
        case JobState::complete:
            return "JobComplete";
        case JobState::aborted:
            return "Aborted";
        case JobState::failed:
            return "Failed";
    }
    return "Failed";
}

bool ended(const Job& job) {
    return job.state == JobState::complete || job.state == JobState::aborted ||
           job.state == JobState::failed;
}

std::string text_of(const json::object& from, std::string_view member) {
    const auto* value = from.if_contains(member);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : "";
}

ApiError invalid_job(std::string message) {
    return {400, "INVALIDJOB", std::move(message)};
}

ApiError wrong_state(const Job& job) {
    return {400, "INVALIDJOBSTATE",
            fmt::format("The job is {}; this cannot be done with it now.", name(job.state))};
}

Reply csv_reply(std::string body) {
    return Reply{200, Headers{{"Content-Type", "text/csv"}}, std::move(body)};
}

/// errors  400 INVALIDJOB, INVALID_TYPE
Outcome<Job> read_ingest_job(const Call& call) {
    auto wish = read_body(call);
    if (!wish) return wish.error();
    Job job;
    job.operation = text_of(*wish, "operation");
    constexpr std::array operations = {"insert", "update", "upsert", "delete", "hardDelete"};
    if (std::ranges::find(operations, job.operation) == operations.end()) {
        return invalid_job("operation is one of insert, update, upsert, delete, hardDelete.");
    }
    const auto object = text_of(*wish, "object");
    job.object = find_object(object);
    if (job.object == nullptr) {
        return ApiError{400, "INVALID_TYPE",
                        fmt::format("sObject type '{}' is not supported.", printable(object, 80))};
    }
    const auto external = text_of(*wish, "externalIdFieldName");
    if (job.operation == "upsert") {
        job.external_id = job.object->find(external);
        if (!job.external_id || !job.object->fields[*job.external_id].is(rest::external_id)) {
            return invalid_job("An upsert needs an external id field in externalIdFieldName.");
        }
    }
    const auto type = text_of(*wish, "contentType");
    if (!type.empty() && type != "CSV") return invalid_job("contentType can only be CSV.");
    if (auto error = read_csv_form(*wish, job)) return *error;
    return job;
}

Reply open_ingest_job(const Call& call, Jobs& jobs) {
    auto job = read_ingest_job(call);
    if (!job) return error_reply(job.error());
    job->user_id = call.caller.user_id;
    job->version = call.version;
    job->created = job->changed = call.now;
    auto added = jobs.add(std::move(*job));
    if (!added) return error_reply(added.error());
    return json_reply(200, show_job(**added));
}

Reply take_upload(const Call& call, const Jobs& jobs, Job& job) {
    if (call.method != "PUT") return method_refused(call.method, "PUT");
    if (job.state != JobState::open || !job.upload.empty()) return error_reply(wrong_state(job));
    if (jobs.bytes() + call.request.body.size() > Jobs::most_bytes) {
        return error_reply(
            {400, "LIMIT_EXCEEDED",
             "The uploads and results that this emulator keeps would be over 128 MiB. Delete jobs "
             "that have ended, or reset it."});
    }
    const auto type = call.request.headers.find("Content-Type").value_or("");
    if (!ascii_iequal(type.substr(0, type.find(';')), "text/csv")) {
        return error_reply({415, "UNSUPPORTED_MEDIA_TYPE", "The data is sent as text/csv."});
    }
    job.upload = call.request.body;
    job.changed = call.now;
    return Reply{201};
}

/// An aborted job has done nothing with what was uploaded.
void abort(Job& job) {
    job.state = JobState::aborted;
    CsvRows rows(job.upload, job.delimiter);
    const auto header = rows.next();
    if (header) {
        const auto line_end = job.upload.find('\n');
        job.header = job.upload.substr(0, line_end);
        if (job.header.ends_with('\r')) job.header.pop_back();
        if (line_end != job.upload.npos) job.unprocessed = job.upload.substr(line_end + 1);
    }
    job.upload.clear();
}

Reply change_state(const Call& call, Job& job) {
    const auto wish = read_body(call);
    if (!wish) return error_reply(wish.error());
    const auto wanted = text_of(*wish, "state");
    const bool uploaded = wanted == "UploadComplete";
    if (!uploaded && wanted != "Aborted") {
        return error_reply(invalid_job("state can be set to UploadComplete or Aborted."));
    }
    const bool possible = uploaded ? job.state == JobState::open && !job.query : !ended(job);
    if (!possible) return error_reply(wrong_state(job));
    if (uploaded) {
        job.state = JobState::upload_complete;
    } else {
        abort(job);
    }
    job.changed = call.now;
    return json_reply(200, show_job(job));
}

void move_on(const Call& call, Org& org, Job& job) {
    if (job.state == JobState::upload_complete) {
        job.state = JobState::in_progress;
    } else if (job.state == JobState::in_progress) {
        if (job.query) {
            job.state = JobState::complete;
        } else {
            run_ingest(call, org, job);
        }
    } else {
        return;
    }
    job.changed = call.now;
}

Reply ingest_results(const Job& job, std::string_view which) {
    if (!ended(job)) return error_reply(wrong_state(job));
    const char comma = job.delimiter;
    const std::string end = job.line_ending == "LF" ? "\n" : "\r\n";
    if (which == "successfulResults") {
        return csv_reply(
            fmt::format("\"sf__Id\"{0}\"sf__Created\"{0}{1}{2}", comma, job.header, end) +
            job.successful);
    }
    if (which == "failedResults") {
        return csv_reply(
            fmt::format("\"sf__Id\"{0}\"sf__Error\"{0}{1}{2}", comma, job.header, end) +
            job.failed);
    }
    if (ascii_iequal(which, "unprocessedrecords")) {
        return csv_reply(job.header + end + job.unprocessed);
    }
    return error_reply(no_such_resource());
}

Reply list_jobs(const Call& call, const Jobs& jobs, bool query) {
    json::array records;
    for (const auto& job : jobs.all()) {
        if (job.query == query && job.user_id == call.caller.user_id) {
            records.push_back(show_job(job));
        }
    }
    return json_reply(
        200,
        json::object{{"done", true}, {"records", std::move(records)}, {"nextRecordsUrl", nullptr}});
}

}  // namespace

Outcome<Job*> Jobs::add(Job job) {
    if (jobs_.size() == most) {
        const auto old = std::ranges::find_if(jobs_, ended);
        if (old == jobs_.end()) {
            return ApiError{400, "LIMIT_EXCEEDED",
                            fmt::format("{} jobs wait already; abort or delete some.", most)};
        }
        jobs_.erase(old);
    }
    job.id = record_id("750", ++made_);
    jobs_.push_back(std::move(job));
    return &jobs_.back();
}

Job* Jobs::find(std::string_view id, bool query, const std::string& user_id) {
    const auto full = full_id(id);
    const auto found = std::ranges::find_if(jobs_, [&](const Job& job) {
        return full && job.id == *full && job.query == query && job.user_id == user_id;
    });
    return found == jobs_.end() ? nullptr : &*found;
}

void Jobs::erase(const Job& job) {
    std::erase_if(jobs_, [id = job.id](const Job& one) { return one.id == id; });
}

std::size_t Jobs::bytes() const {
    std::size_t all = 0;
    for (const auto& job : jobs_) {
        all += job.upload.size() + job.successful.size() + job.failed.size() +
               job.unprocessed.size() + job.rows.size() * sizeof(std::size_t);
    }
    return all;
}

std::optional<ApiError> read_csv_form(const json::object& wish, Job& job) {
    if (const auto ending = text_of(wish, "lineEnding"); !ending.empty()) {
        if (ending != "LF" && ending != "CRLF") return invalid_job("lineEnding is LF or CRLF.");
        job.line_ending = ending;
    }
    if (const auto wanted = text_of(wish, "columnDelimiter"); !wanted.empty()) {
        const auto* found = std::ranges::find(delimiters, wanted, &Delimiter::name);
        if (found == delimiters.end()) {
            return invalid_job(
                "columnDelimiter is one of BACKQUOTE, CARET, COMMA, PIPE, SEMICOLON, TAB.");
        }
        job.delimiter = found->character;
        job.delimiter_name = wanted;
    }
    return std::nullopt;
}

json::object show_job(const Job& job) {
    json::object shown{{"id", job.id},
                       {"operation", job.operation},
                       {"object", job.object->name},
                       {"createdById", job.user_id},
                       {"createdDate", print_datetime(job.created.time_since_epoch().count())},
                       {"systemModstamp", print_datetime(job.changed.time_since_epoch().count())},
                       {"state", name(job.state)},
                       {"concurrencyMode", "Parallel"},
                       {"contentType", "CSV"},
                       {"apiVersion", static_cast<double>(job.version)},
                       {"lineEnding", job.line_ending},
                       {"columnDelimiter", job.delimiter_name},
                       {"jobType", job.query ? "V2Query" : "V2Ingest"}};
    if (job.query) {
        shown["isPkChunkingSupported"] = true;
    } else {
        shown["contentUrl"] =
            fmt::format("services/data/v{}.0/jobs/ingest/{}/batches", job.version, job.id);
        shown["numberRecordsFailed"] = job.refused;
        shown["apiActiveProcessingTime"] = 0;
        shown["apexProcessingTime"] = 0;
        if (job.external_id) {
            shown["externalIdFieldName"] = job.object->fields[*job.external_id].name;
        }
    }
    shown["numberRecordsProcessed"] = job.processed;
    shown["retries"] = 0;
    shown["totalProcessingTime"] = 0;
    if (!job.error_message.empty()) shown["errorMessage"] = job.error_message;
    return shown;
}

Reply answer_jobs(const Call& call, Org& org, Jobs& jobs) {
    const std::size_t depth = call.path.size();
    if (depth < 2 || depth > 4) return error_reply(no_such_resource());
    const bool query = call.path[1] == "query";
    if (!query && call.path[1] != "ingest") return error_reply(no_such_resource());
    if (depth == 2) {
        if (call.method == "GET") return list_jobs(call, jobs, query);
        if (call.method != "POST") return method_refused(call.method, "HEAD,GET,POST");
        return query ? open_query_job(call, org, jobs) : open_ingest_job(call, jobs);
    }
    Job* job = jobs.find(call.path[2], query, call.caller.user_id);
    if (job == nullptr) return error_reply(no_such_resource());
    if (depth == 4) {
        if (!query && call.path[3] == "batches") return take_upload(call, jobs, *job);
        if (call.method != "GET") return method_refused(call.method, "HEAD,GET");
        if (!query) return ingest_results(*job, call.path[3]);
        if (call.path[3] != "results") return error_reply(no_such_resource());
        if (job->state != JobState::complete) return error_reply(wrong_state(*job));
        return query_results(call, org, *job);
    }
    if (call.method == "GET") {
        move_on(call, org, *job);
        return json_reply(200, show_job(*job));
    }
    if (call.method == "PATCH") return change_state(call, *job);
    if (call.method != "DELETE") return method_refused(call.method, "HEAD,GET,PATCH,DELETE");
    if (!ended(*job) && job->state != JobState::open) return error_reply(wrong_state(*job));
    jobs.erase(*job);
    return Reply{204};
}

}  // namespace latchkey::emulator::rest
