#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/ids.h>
#include <latchkey/latchkey.h>
#include <latchkey/records.h>
#include <latchkey/task.h>

namespace latchkey {

class ServerClient;

/// The records of one query, page after page, each page as it arrives.
///
/// Memory is that of two pages, however many records there are: while one is in the caller's hands
/// the next is fetched. A record owns its bytes and may be kept.
///
/// Not for several threads at once. Must not outlive the Latchkey or ServerClient it came from.
class RecordStream {
public:
    RecordStream(RecordStream&&) noexcept;
    RecordStream& operator=(RecordStream&&) noexcept;
    ~RecordStream();

    /// The records of the next page; none: that was all. After an error the same page can be asked
    /// for again.
    /// errors  what Salesforce said of the query, with who must act
    ///         try_later  upstream_invalid_response, deadline_passed, cancelled
    ///         those of Latchkey::async_call
    Task<std::vector<Record>> async_next(Deadline by);
    Result<std::vector<Record>> next();

    /// Hands every record to `take`, until it returns false.
    /// returns  how many it took
    Result<std::int64_t> for_each(const std::function<bool(const Record&)>& take);

    /// How many records the query has in all; 0 before the first page.
    std::int64_t total_size() const;

private:
    friend class Rest;
    struct Impl;
    explicit RecordStream(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Salesforce's REST API for one connection: records, queries, many records in one call.
///
/// Errors say who must act; `Error::code` is Salesforce's errorCode in lower case where it had one
/// ("malformed_query", "request_limit_exceeded"), and `Error::remote_text` holds its words. A call
/// that reads is safe to repeat; after outcome_unknown look before repeating one that writes.
///
/// The plain forms block, 60 s at most, from any thread but the library's own; the async_ ones are
/// coroutines for any io_context. Copies are cheap. Must not outlive the Latchkey or ServerClient.
class Rest {
public:
    Rest(const Latchkey& latchkey, ConnectionId connection);
    /// The same through a running server, with the errors of ServerClient and what the server
    /// refuses. The first one starts a thread of the client's.
    Rest(ServerClient& server, ConnectionId connection);

    /// A query's records. Nothing is sent before the first page is asked for.
    RecordStream query(std::string soql, QueryOptions options = {}) const;

    /// One record. `object` is an API name, such as Account; `id` has 15 or 18 characters.
    /// errors  bad_input invalid_name, invalid_id · what Salesforce said
    Task<std::string> async_create(std::string object, Fields fields, Deadline by) const;
    Result<std::string> create(std::string object, Fields fields) const;
    /// `fields` names what to read; all of the record if it is empty.
    Task<Record> async_read(std::string object, std::string id, std::vector<std::string> fields,
                            Deadline by) const;
    Result<Record> read(std::string object, std::string id,
                        std::vector<std::string> fields = {}) const;
    Task<bool> async_update(std::string object, std::string id, Fields fields, Deadline by) const;
    Result<bool> update(std::string object, std::string id, Fields fields) const;
    /// Creates the record whose external id field has that value, or changes it.
    Task<Upserted> async_upsert(std::string object, std::string key_field, std::string key,
                                Fields fields, Deadline by) const;
    Result<Upserted> upsert(std::string object, std::string key_field, std::string key,
                            Fields fields) const;
    Task<bool> async_remove(std::string object, std::string id, Deadline by) const;
    Result<bool> remove(std::string object, std::string id) const;

    /// Up to 200 records in one call, each with a result of its own, in their order. With
    /// `all_or_none` one refused record takes the others back.
    /// errors  bad_input too_many_records · those of one record
    Task<std::vector<RowResult>> async_create_many(std::string object, std::vector<Fields> records,
                                                   bool all_or_none, Deadline by) const;
    Result<std::vector<RowResult>> create_many(std::string object, std::vector<Fields> records,
                                               bool all_or_none = false) const;
    /// The keys are ids.
    Task<std::vector<RowResult>> async_update_many(std::string object,
                                                   std::vector<KeyedFields> records,
                                                   bool all_or_none, Deadline by) const;
    Result<std::vector<RowResult>> update_many(std::string object, std::vector<KeyedFields> records,
                                               bool all_or_none = false) const;
    /// The keys are values of `key_field`.
    Task<std::vector<RowResult>> async_upsert_many(std::string object, std::string key_field,
                                                   std::vector<KeyedFields> records,
                                                   bool all_or_none, Deadline by) const;
    Result<std::vector<RowResult>> upsert_many(std::string object, std::string key_field,
                                               std::vector<KeyedFields> records,
                                               bool all_or_none = false) const;
    Task<std::vector<RowResult>> async_remove_many(std::vector<std::string> ids, bool all_or_none,
                                                   Deadline by) const;
    Result<std::vector<RowResult>> remove_many(std::vector<std::string> ids,
                                               bool all_or_none = false) const;
    /// Up to 2,000 records by id, in their order; nullopt for what is not there.
    Task<std::vector<std::optional<Record>>> async_read_many(std::string object,
                                                             std::vector<std::string> ids,
                                                             std::vector<std::string> fields,
                                                             Deadline by) const;
    Result<std::vector<std::optional<Record>>> read_many(std::string object,
                                                         std::vector<std::string> ids,
                                                         std::vector<std::string> fields) const;

    /// Up to 25 requests as one call; later ones may use what earlier ones answered.
    /// errors  bad_input too_many_parts · what Salesforce said of the call as a whole
    Task<std::vector<CompositeAnswer>> async_composite(std::vector<CompositePart> parts,
                                                       bool all_or_none, Deadline by) const;
    Result<std::vector<CompositeAnswer>> composite(std::vector<CompositePart> parts,
                                                   bool all_or_none = false) const;

    /// What an object is, as Salesforce's JSON.
    Task<Record> async_describe(std::string object, Deadline by) const;
    Result<Record> describe(std::string object) const;
    Task<OrgLimits> async_limits(Deadline by) const;
    Result<OrgLimits> limits() const;

    struct Impl;  // not for use

private:
    friend class Bulk;
    std::shared_ptr<const Impl> impl_;
};

}  // namespace latchkey
