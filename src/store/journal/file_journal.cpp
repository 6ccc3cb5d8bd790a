#include "store/journal/file_journal.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "base/text.h"
#include "store/errors.h"
#include "store/journal/errors.h"
#include "store/journal/place.h"
#include "store/work_thread.h"

namespace latchkey {
namespace {

/// How many answers one sync carries at most.
constexpr std::size_t most_together = 64;

/// How much of a former journal is written before it is synced.
constexpr std::size_t most_taken_over = std::size_t{1} << 20;

/// What `work` throws becomes the error of its caller: nobody else waits for this thread. `left` is
/// the book if it may be left in the middle of something.
template <class Work>
auto guarded(Work work, journal::Book* left) -> decltype(work()) {
    std::string what = "unknown exception";
    try {
        return work();
    } catch (const std::exception& thrown) {
        what = printable(thrown.what());
    } catch (...) {
    }
    if (left != nullptr) left->abandon(what);
    return journal::failed(what);
}

journal::BookOptions book_options(const FileJournalOptions& options) {
    journal::BookOptions wanted;
    wanted.installation = options.installation;
    wanted.node = options.node;
    wanted.journal_bytes = options.limits.journal_bytes;
    wanted.free_disk_bytes = options.limits.free_disk_bytes;
    wanted.segment_bytes = options.segment_bytes;
    return wanted;
}

/// What rooms hold, beyond the end of the journal if need be.
struct Promises {
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::size_t> rooms{0};
};

}  // namespace

struct FileJournal::Impl {
    Impl(std::optional<journal::Place> where, std::unique_ptr<journal::Disk> on,
         std::unique_ptr<journal::Book> kept, Clock& time, Log& records, Meter& numbers)
        : place(std::move(where)),
          disk(std::move(on)),
          book(std::move(kept)),
          clock(time),
          log(records),
          meter(numbers),
          node(book->node()) {
        remember_health();
    }

    /// One call that waits for a commit.
    struct Waiting {
        std::int64_t number = 0;
        bool durably = false;
        std::optional<Error> refused;
    };
    using WaitingPtr = std::shared_ptr<Waiting>;

    void finish() {
        bool durably = false;
        for (const auto& one : waiting) durably = durably || one->durably;
        const auto begun = clock.steady();
        const auto done = guarded([&] { return book->commit(durably); }, book.get());
        if (durably) took(clock.steady() - begun);
        if (!done)
            for (const auto& one : waiting) one->refused = done.error();
        waiting.clear();
        remember_health();
    }
    void took(std::chrono::nanoseconds time) {
        meter.took("journal_write_seconds", {}, time);
        const auto now = clock.steady();
        if (time < slow_write || now < next_complaint) return;
        next_complaint = now + std::chrono::minutes{1};
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time);
        log.write(Level::warning, "journal_write_slow", {{"milliseconds", ms.count()}});
    }
    bool late(Deadline by) const { return by.passed(clock.steady()); }
    void remember_health() {
        const auto now = book->health();
        const std::lock_guard hold{health_guard};
        health = now;
    }

    /// Runs `work` on the book in the thread.
    template <class T>
    Task<T> alone(std::function<Result<T>(journal::Book&)> work, Deadline by) {
        auto outcome = std::make_shared<std::optional<Result<T>>>();
        std::function<void()> job = [this, outcome, work = std::move(work), by] {
            if (late(by))
                outcome->emplace(store_error::unavailable("the deadline passed"));
            else
                outcome->emplace(guarded([&] { return work(*book); }, book.get()));
            remember_health();
        };
        const bool ran = co_await thread.perform(std::move(job));
        if (!ran) co_return store_error::unavailable("too many calls are waiting for the journal");
        co_return std::move(**outcome);
    }
    Task<std::int64_t> together(std::function<Result<std::int64_t>()> stage, bool durably,
                                Deadline by) {
        auto one = std::make_shared<Waiting>();
        one->durably = durably;
        std::function<void()> job = [this, one, stage = std::move(stage), by] {
            if (late(by)) {
                one->refused = store_error::unavailable("the deadline passed");
                return;
            }
            // What others have staged is not touched by one that cannot be.
            std::function<Result<std::int64_t>()> join = [this, &one, &stage] {
                waiting.reserve(waiting.size() + 1);
                auto staged = stage();
                if (staged) waiting.push_back(one);
                return staged;
            };
            const auto staged = guarded(std::move(join), nullptr);
            if (!staged) {
                one->refused = staged.error();
                return;
            }
            one->number = *staged;
        };
        const bool ran = co_await thread.perform(std::move(job), WorkThread::Ends::together);
        if (!ran) co_return store_error::unavailable("too many calls are waiting for the journal");
        if (one->refused) co_return *one->refused;
        co_return one->number;
    }

    std::optional<journal::Place> place;
    std::unique_ptr<journal::Disk> disk;
    std::unique_ptr<journal::Book> book;
    Clock& clock;
    Log& log;
    Meter& meter;
    const NodeId node;
    std::shared_ptr<Promises> promises = std::make_shared<Promises>();
    std::vector<WaitingPtr> waiting;  // this and the next: touched by the thread only
    SteadyTime next_complaint{};
    mutable std::mutex health_guard;
    journal::BookHealth health;
    WorkThread thread{[this] { finish(); }, most_together};  // the last: it ends first
};

Result<std::unique_ptr<FileJournal>> FileJournal::open(FileJournalOptions options, Clock& clock,
                                                       Random& random, Log& log, Meter& meter) {
    auto place = journal::Place::take(options.directory, log);
    if (!place) return place.error();
    auto disk = journal::RealDisk::open(options.directory);
    if (!disk) return disk.error();
    auto book = journal::Book::open(**disk, book_options(options), random, log);
    if (!book) return book.error();
    return std::unique_ptr<FileJournal>{new FileJournal{std::make_unique<Impl>(
        std::move(*place), std::move(*disk), std::move(*book), clock, log, meter)}};
}

Result<std::unique_ptr<FileJournal>> FileJournal::open_on(std::unique_ptr<journal::Disk> disk,
                                                          const FileJournalOptions& options,
                                                          Clock& clock, Random& random, Log& log,
                                                          Meter& meter) {
    auto book = journal::Book::open(*disk, book_options(options), random, log);
    if (!book) return book.error();
    return std::unique_ptr<FileJournal>{new FileJournal{std::make_unique<Impl>(
        std::nullopt, std::move(disk), std::move(*book), clock, log, meter)}};
}

Result<void> FileJournal::take_over(FileJournalOptions options, const FormerJournal& former,
                                    Random& random, Log& log) {
    options.installation = former.installation;
    options.node = former.node;
    auto place = journal::Place::take(options.directory, log);
    if (!place) return place.error();
    auto disk = journal::RealDisk::open(options.directory);
    if (!disk) return disk.error();
    auto book = journal::Book::open(**disk, book_options(options), random, log);
    if (!book) return book.error();
    std::size_t staged = 0;
    for (std::int64_t after = 0;;) {
        auto some = former.read(after);
        if (!some) return some.error();
        const bool all = some->empty();
        for (auto& kept : *some) {
            after = kept.record.number;
            staged += kept.record.answer.bytes.size();
            const auto again = (*book)->stage_again(std::move(kept.record), kept.closed_at);
            if (!again) return again.error();
            if (staged < most_taken_over) continue;
            staged = 0;
            const auto written = (*book)->commit(true);
            if (!written) return written.error();
        }
        if (all) return (*book)->commit(true);
    }
}

FileJournal::FileJournal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FileJournal::~FileJournal() = default;

const NodeId& FileJournal::node() const {
    return impl_->node;
}

journal::BookHealth FileJournal::health() const {
    const std::lock_guard hold{impl_->health_guard};
    return impl_->health;
}

Task<JournalRoom> FileJournal::reserve(std::size_t bytes, Deadline by) {
    std::function<Result<JournalRoom>(journal::Book&)> work =
        [bytes, promises = impl_->promises](journal::Book& book) -> Result<JournalRoom> {
        const auto made = book.make_room(promises->bytes + bytes, promises->rooms + 1);
        if (!made) return made.error();
        promises->bytes += bytes;
        ++promises->rooms;
        return JournalRoom{std::shared_ptr<void>{promises.get(), [bytes, promises](void*) {
                                                     promises->bytes -= bytes;
                                                     --promises->rooms;
                                                 }}};
    };
    return impl_->alone<JournalRoom>(std::move(work), by);
}

Task<std::int64_t> FileJournal::append(JournalRecord record, Deadline by) {
    std::function<Result<std::int64_t>()> stage = [this, record = std::move(record)] {
        return impl_->book->stage(record);
    };
    return impl_->together(std::move(stage), true, by);
}

Task<void> FileJournal::close(std::int64_t number, Deadline by) {
    std::function<Result<std::int64_t>()> stage = [this, number]() -> Result<std::int64_t> {
        impl_->book->stage_done(number, impl_->clock.wall());
        return number;
    };
    auto closed = co_await impl_->together(std::move(stage), false, by);
    if (!closed) co_return closed.error();
    co_return Result<void>{};
}

Task<std::vector<JournalRecord>> FileJournal::read(std::int64_t after, std::size_t limit,
                                                   Deadline by) {
    std::function<Result<std::vector<JournalRecord>>(journal::Book&)> work =
        [after, limit](journal::Book& book) { return book.read(after, limit); };
    return impl_->alone<std::vector<JournalRecord>>(std::move(work), by);
}

Task<std::size_t> FileJournal::prune(WallTime before, Deadline by) {
    std::function<Result<std::size_t>(journal::Book&)> work = [before](journal::Book& book) {
        return book.prune(before);
    };
    return impl_->alone<std::size_t>(std::move(work), by);
}

}  // namespace latchkey
