#include <latchkey/rest.h>

#include <utility>

#include "facade/impl.h"
#include "facade/rest_impl.h"
#include "facade/server_impl.h"
#include "facade/stoppable_wait.h"
#include "rest/record_pages.h"
#include "rest/records.h"

// The REST client's face: the rooms' coroutines on the library's loop, in two forms each.
namespace latchkey {
namespace {

constexpr std::chrono::seconds patience{60};

Deadline soon() {
    return Deadline::in(patience);
}

}  // namespace

struct RecordStream::Impl {
    std::shared_ptr<ApiHost> host;
    std::shared_ptr<RecordPages> pages;
    std::stop_token stop;
    std::int64_t total = 0;

    Result<std::vector<Record>> taken(Result<RecordPages::Slip> slip) {
        if (!slip) return slip.error();
        QueryPage page = (*slip)->claim();
        if (!page.records.empty()) total = page.total_size;
        return std::move(page.records);
    }
};

RecordStream::RecordStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecordStream::RecordStream(RecordStream&&) noexcept = default;
RecordStream& RecordStream::operator=(RecordStream&&) noexcept = default;
RecordStream::~RecordStream() = default;

Task<std::vector<Record>> RecordStream::async_next(Deadline by) {
    auto work = on_loop(impl_->host, RecordPages::next(impl_->pages, by), by);
    auto page = co_await std::move(work);
    co_return impl_->taken(std::move(page));
}

Result<std::vector<Record>> RecordStream::next() {
    const auto by = soon();
    return impl_->taken(
        wait_or_stop(impl_->host, RecordPages::next(impl_->pages, by), by, impl_->stop, [] {}));
}

Result<std::int64_t> RecordStream::for_each(const std::function<bool(const Record&)>& take) {
    std::int64_t taken = 0;
    for (;;) {
        const auto records = next();
        if (!records) return records.error();
        if (records->empty()) return taken;
        for (const auto& record : *records) {
            ++taken;
            if (!take(record)) return taken;
        }
    }
}

std::int64_t RecordStream::total_size() const {
    return impl_->total;
}

Rest::Rest(const Latchkey& latchkey, ConnectionId connection)
    : impl_(std::make_shared<const Impl>(library_host(latchkey.impl_->house),
                                         std::move(connection))) {}

Rest::Rest(ServerClient& server, ConnectionId connection)
    : impl_(std::make_shared<const Impl>(server.impl_->host(), std::move(connection))) {}

RecordStream Rest::query(std::string soql, QueryOptions options) const {
    auto stream = std::make_unique<RecordStream::Impl>();
    stream->host = impl_->host;
    stream->stop = options.stop;
    stream->pages = std::make_shared<RecordPages>(impl_->place.port, impl_->place.connection,
                                                  std::move(soql), std::move(options));
    return RecordStream{std::move(stream)};
}

Task<std::string> Rest::async_create(std::string object, Fields fields, Deadline by) const {
    return impl_->hop(rest::create(impl_->place, std::move(object), std::move(fields), by), by);
}

Result<std::string> Rest::create(std::string object, Fields fields) const {
    const auto by = soon();
    return impl_->wait(rest::create(impl_->place, std::move(object), std::move(fields), by), by);
}

Task<Record> Rest::async_read(std::string object, std::string id, std::vector<std::string> fields,
                              Deadline by) const {
    return impl_->hop(
        rest::read(impl_->place, std::move(object), std::move(id), std::move(fields), by), by);
}

Result<Record> Rest::read(std::string object, std::string id,
                          std::vector<std::string> fields) const {
    const auto by = soon();
    return impl_->wait(
        rest::read(impl_->place, std::move(object), std::move(id), std::move(fields), by), by);
}

Task<bool> Rest::async_update(std::string object, std::string id, Fields fields,
                              Deadline by) const {
    return impl_->hop(
        rest::update(impl_->place, std::move(object), std::move(id), std::move(fields), by), by);
}

Result<bool> Rest::update(std::string object, std::string id, Fields fields) const {
    const auto by = soon();
    return impl_->wait(
        rest::update(impl_->place, std::move(object), std::move(id), std::move(fields), by), by);
}

Task<Upserted> Rest::async_upsert(std::string object, std::string key_field, std::string key,
                                  Fields fields, Deadline by) const {
    return impl_->hop(rest::upsert(impl_->place, std::move(object), std::move(key_field),
                                   std::move(key), std::move(fields), by),
                      by);
}

Result<Upserted> Rest::upsert(std::string object, std::string key_field, std::string key,
                              Fields fields) const {
    const auto by = soon();
    return impl_->wait(rest::upsert(impl_->place, std::move(object), std::move(key_field),
                                    std::move(key), std::move(fields), by),
                       by);
}

Task<bool> Rest::async_remove(std::string object, std::string id, Deadline by) const {
    return impl_->hop(rest::remove(impl_->place, std::move(object), std::move(id), by), by);
}

Result<bool> Rest::remove(std::string object, std::string id) const {
    const auto by = soon();
    return impl_->wait(rest::remove(impl_->place, std::move(object), std::move(id), by), by);
}

Task<std::vector<RowResult>> Rest::async_create_many(std::string object,
                                                     std::vector<Fields> records, bool all_or_none,
                                                     Deadline by) const {
    return impl_->hop(
        rest::create_many(impl_->place, std::move(object), std::move(records), all_or_none, by),
        by);
}

Result<std::vector<RowResult>> Rest::create_many(std::string object, std::vector<Fields> records,
                                                 bool all_or_none) const {
    const auto by = soon();
    return impl_->wait(
        rest::create_many(impl_->place, std::move(object), std::move(records), all_or_none, by),
        by);
}

Task<std::vector<RowResult>> Rest::async_update_many(std::string object,
                                                     std::vector<KeyedFields> records,
                                                     bool all_or_none, Deadline by) const {
    return impl_->hop(
        rest::update_many(impl_->place, std::move(object), std::move(records), all_or_none, by),
        by);
}

Result<std::vector<RowResult>> Rest::update_many(std::string object,
                                                 std::vector<KeyedFields> records,
                                                 bool all_or_none) const {
    const auto by = soon();
    return impl_->wait(
        rest::update_many(impl_->place, std::move(object), std::move(records), all_or_none, by),
        by);
}

Task<std::vector<RowResult>> Rest::async_upsert_many(std::string object, std::string key_field,
                                                     std::vector<KeyedFields> records,
                                                     bool all_or_none, Deadline by) const {
    return impl_->hop(rest::upsert_many(impl_->place, std::move(object), std::move(key_field),
                                        std::move(records), all_or_none, by),
                      by);
}

Result<std::vector<RowResult>> Rest::upsert_many(std::string object, std::string key_field,
                                                 std::vector<KeyedFields> records,
                                                 bool all_or_none) const {
    const auto by = soon();
    return impl_->wait(rest::upsert_many(impl_->place, std::move(object), std::move(key_field),
                                         std::move(records), all_or_none, by),
                       by);
}

Task<std::vector<RowResult>> Rest::async_remove_many(std::vector<std::string> ids, bool all_or_none,
                                                     Deadline by) const {
    return impl_->hop(rest::remove_many(impl_->place, std::move(ids), all_or_none, by), by);
}

Result<std::vector<RowResult>> Rest::remove_many(std::vector<std::string> ids,
                                                 bool all_or_none) const {
    const auto by = soon();
    return impl_->wait(rest::remove_many(impl_->place, std::move(ids), all_or_none, by), by);
}

Task<std::vector<std::optional<Record>>> Rest::async_read_many(std::string object,
                                                               std::vector<std::string> ids,
                                                               std::vector<std::string> fields,
                                                               Deadline by) const {
    return impl_->hop(
        rest::read_many(impl_->place, std::move(object), std::move(ids), std::move(fields), by),
        by);
}

Result<std::vector<std::optional<Record>>> Rest::read_many(std::string object,
                                                           std::vector<std::string> ids,
                                                           std::vector<std::string> fields) const {
    const auto by = soon();
    return impl_->wait(
        rest::read_many(impl_->place, std::move(object), std::move(ids), std::move(fields), by),
        by);
}

Task<std::vector<CompositeAnswer>> Rest::async_composite(std::vector<CompositePart> parts,
                                                         bool all_or_none, Deadline by) const {
    return impl_->hop(rest::composite(impl_->place, std::move(parts), all_or_none, by), by);
}

Result<std::vector<CompositeAnswer>> Rest::composite(std::vector<CompositePart> parts,
                                                     bool all_or_none) const {
    const auto by = soon();
    return impl_->wait(rest::composite(impl_->place, std::move(parts), all_or_none, by), by);
}

Task<Record> Rest::async_describe(std::string object, Deadline by) const {
    return impl_->hop(rest::describe(impl_->place, std::move(object), by), by);
}

Result<Record> Rest::describe(std::string object) const {
    const auto by = soon();
    return impl_->wait(rest::describe(impl_->place, std::move(object), by), by);
}

Task<OrgLimits> Rest::async_limits(Deadline by) const {
    return impl_->hop(rest::limits(impl_->place, by), by);
}

Result<OrgLimits> Rest::limits() const {
    const auto by = soon();
    return impl_->wait(rest::limits(impl_->place, by), by);
}

}  // namespace latchkey
