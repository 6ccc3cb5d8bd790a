#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <map>

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>

#include <latchkey/bulk.h>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/output.h"
#include "cli/progress.h"

namespace latchkey::cli {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr int most_reasons = 10;  // shown of the records that were refused

BulkOperation operation_of(const std::string& name) {
    static const std::map<std::string, BulkOperation> operations = {
        {"insert", BulkOperation::insert},          {"update", BulkOperation::update},
        {"upsert", BulkOperation::upsert},          {"delete", BulkOperation::remove},
        {"hardDelete", BulkOperation::hard_remove},
    };
    return operations.at(name);
}

Error file_error(const std::string& file) {
    return {Fault::bad_input, "file_unreadable", printable(file) + " cannot be read."};
}

/// Everything of the file, in pieces, up to its end or to an error.
Result<void> read_into(BulkLoad& load, const std::string& name, Progress& progress) {
    std::ifstream file;
    if (name != "-") file.open(name, std::ios::binary);
    std::istream& in = name == "-" ? std::cin : file;
    if (!in) return file_error(name);
    std::string piece(piece_bytes, '\0');
    while (in) {
        in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        const auto got = static_cast<std::size_t>(in.gcount());
        if (in.bad()) return file_error(name);
        if (got == 0) break;
        if (progress.stop().stop_requested()) {
            return Error{Fault::try_later, "cancelled", "The import was stopped."};
        }
        const auto taken = load.add_csv(std::string_view{piece}.substr(0, got));
        if (!taken) return taken.error();
        progress.count(load.added());
    }
    return {};
}

/// A file of this call's own: what lay there before is not written over.
Result<std::ofstream> new_file(const std::string& name) {
    const int made = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made < 0) {
        return Error{Fault::bad_input, "file_not_written",
                     printable(name) + " cannot be made, or is there already. Name a new file."};
    }
    ::close(made);
    std::ofstream file{name, std::ios::binary};
    return file;
}

/// Records that Salesforce refused: all of them into the file, or the first reasons on standard
/// error.
Result<void> tell_refused(const Bulk& bulk, const std::vector<BulkJob>& jobs, std::ofstream* into) {
    int told = 0;
    bool headed = false;
    for (const auto& job : jobs) {
        if (job.failed == 0 || (into == nullptr && told >= most_reasons)) continue;
        auto rows = bulk.results(job.id, BulkOutcome::failed);
        for (auto page = rows.next();; page = rows.next()) {
            if (!page) return page.error();
            if (page->empty()) break;
            std::string out;
            if (!std::exchange(headed, true)) put_csv_row(out, page->columns());
            for (std::size_t i = 0; i < page->size(); ++i) {
                if (into == nullptr && told++ < most_reasons) {
                    std::cerr << printable((*page)[i].text("sf__Error").value_or(""), 200) << "\n";
                }
                put_csv_row(out, (*page)[i]);
            }
            if (into == nullptr) break;
            into->write(out.data(), static_cast<std::streamsize>(out.size())).flush();
            if (!*into) {
                return Error{Fault::misconfigured, "file_not_written",
                             "The file for refused records takes no more. Look at its disk."};
            }
        }
    }
    return {};
}

boost::json::object to_json(const BulkJob& job) {
    return {{"id", job.id},
            {"state", name(job.state)},
            {"processed", job.processed},
            {"failed", job.failed},
            {"error_message", job.error_message}};
}

void print_jobs(const BulkLoad& load, bool json) {
    const auto jobs = load.jobs();
    if (json) {
        boost::json::array list;
        for (const auto& job : jobs) list.push_back(to_json(job));
        print_json(boost::json::object{{"records", load.added()}, {"jobs", std::move(list)}});
        return;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& job : jobs) {
        rows.push_back({job.id, name(job.state), std::to_string(job.processed),
                        std::to_string(job.failed), job.error_message});
    }
    print_table({"job", "state", "processed", "failed", "message"}, rows);
}

}  // namespace

int import_records(const ImportCommand& command) {
    auto backend = open_backend();
    if (!backend) return fail(backend.error(), command.json);
    auto id = choose(**backend, command.connection);
    if (!id) return fail(id.error(), command.json);
    std::optional<std::ofstream> refused;
    if (!command.failed_file.empty()) {
        auto file = new_file(command.failed_file);
        if (!file) return fail(file.error(), command.json);
        refused = std::move(*file);
    }

    const Bulk bulk{(*backend)->rest(*id)};
    Progress progress{command.progress, "records"};
    BulkLoadOptions options;
    options.external_id = command.external_id;
    options.job_bytes = static_cast<std::size_t>(command.job_megabytes) * 1'000'000;
    options.stop = progress.stop();
    auto load = bulk.load(command.object, operation_of(command.operation), {}, std::move(options));
    const auto showing = progress.show([&load] {
        std::int64_t processed = 0;
        const auto jobs = load.jobs();
        for (const auto& job : jobs) processed += job.processed;
        if (jobs.empty()) return std::string{"reading"};
        return std::to_string(jobs.size()) + " jobs, " + std::to_string(processed) + " processed";
    });

    auto read = read_into(load, command.file, progress);
    std::optional<Error> failed;
    if (!read) failed = read.error();
    if (!failed) {
        const auto done = load.finish();
        if (!done) failed = done.error();
    }
    progress.end();
    const auto jobs = load.jobs();
    if (failed) {
        // What was sent is Salesforce's to do, whatever became of the rest.
        if (!jobs.empty() && !command.json) print_jobs(load, false);
        return fail(*failed, command.json);
    }
    print_jobs(load, command.json);
    std::int64_t refusals = 0;
    for (const auto& job : jobs) refusals += job.failed;
    if (auto told = tell_refused(bulk, jobs, refused ? &*refused : nullptr); !told) {
        return fail(told.error(), false);
    }
    if (!command.json) {
        std::cerr << load.added() << " records, " << refusals << " refused\n";
    }
    return refusals == 0 ? 0 : 1;
}

}  // namespace latchkey::cli
