#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/bulk_jobs.h>
#include <latchkey/csv.h>
#include <latchkey/rest.h>

namespace latchkey {

/// Rows of a bulk job, page after page. Memory is that of two pages at most, however many there are.
///
/// Dropped before its end, a query's stream aborts its job, or deletes the results, if that can be
/// done within 10 s.
///
/// Not for several threads at once. Must not outlive the Latchkey or ServerClient it came from.
class BulkRows {
public:
    BulkRows(BulkRows&&) noexcept;
    BulkRows& operator=(BulkRows&&) noexcept;
    ~BulkRows();

    /// The rows of the next page; none: that was all. The first page of a query comes when
    /// Salesforce has done the job. After an error, and after a wait that was given up, the same
    /// page can be asked for again; but the results of a load come as one answer, so after an error
    /// inside them open them anew.
    /// errors  try_later  bulk_job_running: the job has not ended by then; ask again
    ///                    deadline_passed, cancelled: a page that comes later waits for the next call
    ///                    upstream_answer_lost, upstream_invalid_response
    ///         bad_input  bulk_job_failed: remote_text has Salesforce's reason · invalid_soql,
    ///                    invalid_page_size, invalid_id
    ///         conflict   bulk_job_aborted
    ///         what Salesforce said, such as try_later limit_exceeded: too many jobs
    ///         those of Latchkey::async_call
    Task<CsvPage> async_next(Deadline by);
    /// Blocks, for the patience of the options at most.
    Result<CsvPage> next();
    Result<CsvPage> next(Deadline by);

    /// Hands every row to `take`, until it returns false.
    /// returns  how many it took
    Result<std::int64_t> for_each(const std::function<bool(const CsvRow&)>& take);

    /// A query's job as last seen; its id is empty before it is made. May be asked by other threads
    /// while one waits.
    BulkJob job() const;

private:
    friend class Bulk;
    struct Impl;
    explicit BulkRows(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Records on their way into Salesforce. They are gathered in memory, up to `job_bytes` of the
/// options; then they go as one job, and the next begins.
///
/// Dropped before `finish`, what was gathered since the last job is forgotten; jobs that were sent
/// go on.
///
/// Not for several threads at once. Must not outlive the Latchkey or ServerClient it came from.
class BulkLoad {
public:
    BulkLoad(BulkLoad&&) noexcept;
    BulkLoad& operator=(BulkLoad&&) noexcept;
    ~BulkLoad();

    /// One record, in the order of the columns. An empty field leaves the record's as it is; "#N/A"
    /// empties it.
    /// errors  bad_input csv_row_length, csv_row_too_long, columns_required
    ///         those of sending a full job, after which the record was not taken:
    ///         try_later        bulk_upload_aborted: nothing of that job was loaded; call again
    ///         outcome_unknown  bulk_upload_unknown, bulk_start_unknown: what became of the job that
    ///                          the message names has to be looked up; the load takes no more
    ///         what Salesforce said of the job, such as try_later limit_exceeded: too many jobs.
    ///         Nothing of it was loaded; call again
    Task<bool> async_add(std::vector<std::string> record, Deadline by);
    Result<bool> add(const std::vector<std::string>& record);
    /// A piece of CSV of any size. Without columns of the load, its first line names them; with
    /// them, it must name the same. Not to be mixed with `add`. After an error of sending a job that
    /// may be sent again call with an empty piece: this one was taken.
    /// errors  those of `async_add` · those of CsvReader, and bad_input csv_columns_differ: the load
    ///         takes no more
    Task<bool> async_add_csv(std::string piece, Deadline by);
    Result<bool> add_csv(std::string_view piece);

    /// Sends what is left, and waits until Salesforce has done all jobs.
    /// returns  the jobs; records that it refused are counted in `failed`, see Bulk::results
    /// errors   try_later  bulk_job_running: not all have ended by then; ask again
    ///          bad_input  bulk_job_failed: of one whole job; see `jobs` for the others
    ///          conflict   bulk_job_aborted · those of `add` and CsvReader::finish
    Task<std::vector<BulkJob>> async_finish(Deadline by);
    Result<std::vector<BulkJob>> finish();
    Result<std::vector<BulkJob>> finish(Deadline by);

    /// The jobs that were sent, as last seen. May be asked by other threads while one waits.
    std::vector<BulkJob> jobs() const;
    /// Records taken so far, sent or not.
    std::int64_t added() const;

private:
    friend class Bulk;
    struct Impl;
    explicit BulkLoad(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Salesforce's Bulk API 2.0 for one connection: queries of millions of rows, and records in
/// millions. Up to a few thousand records Rest is quicker.
///
/// Copies are cheap. Must not outlive the Latchkey or ServerClient.
class Bulk {
public:
    /// The same connection by other calls.
    explicit Bulk(const Rest& rest);
    Bulk(const Latchkey& latchkey, ConnectionId connection)
        : Bulk(Rest{latchkey, std::move(connection)}) {}
    Bulk(ServerClient& server, ConnectionId connection)
        : Bulk(Rest{server, std::move(connection)}) {}

    /// A query's rows. Nothing is sent before the first page is asked for.
    BulkRows query(std::string soql, BulkQueryOptions options = {}) const;

    /// Records to be loaded. `columns` names the fields of each; empty: CSV names them.
    /// errors  those of its calls: bad_input invalid_name, external_id_required,
    ///         external_id_not_wanted, invalid_job_bytes
    BulkLoad load(std::string object, BulkOperation operation, std::vector<std::string> columns,
                  BulkLoadOptions options = {}) const;

    /// What became of the records of a job of a load that has ended. Read it without long pauses:
    /// the answer is sent while it is read.
    BulkRows results(std::string job_id, BulkOutcome outcome, std::stop_token stop = {}) const;

    /// A job of a load, by its id. errors  bad_input invalid_id · not_found
    Task<BulkJob> async_job(std::string id, Deadline by) const;
    Result<BulkJob> job(std::string id) const;

private:
    std::shared_ptr<const Rest::Impl> impl_;
};

}  // namespace latchkey
