#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <latchkey/secret.h>

#include "base/clock.h"
#include "base/watch.h"
#include "store/postgres/query.h"

struct pg_conn;

namespace latchkey::postgres {

/// How one statement ended.
struct Outcome {
    enum class Kind {
        done,      ///< it took effect, as durably as the server promises
        doubtful,  ///< it took effect here, but a standby may not have it (a notice said so)
        refused,   ///< the server said no: nothing was changed
        not_sent,  ///< nothing of it was handed over
        lost,      ///< handed over, and no whole answer came: anything may have happened
    };
    Kind kind = Kind::not_sent;
    Rows rows;
    std::string sqlstate;  ///< with refused, and with lost where the server said why
    std::string what;      ///< for the log; no value of ours is in it
    bool timed_out = false;
};

/// One notification that came over a link.
struct Note {
    std::string payload;
};

/// One connection to one server, never waited for by anything but the loop. One statement at a time.
class Link {
public:
    /// `clock` must outlive this object.
    Link(Executor on, Clock& clock);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /// Connects with exactly these settings, in one attempt at one numeric address.
    /// errors  try_later      storage_unavailable
    ///         misconfigured  storage_login, storage_no_database; all with the server's words in
    ///                        remote_text
    Task<void> open(std::vector<std::pair<std::string, Secret>> settings, Deadline by);

    /// Runs one statement. If no whole answer has come by then, the connection is closed: it can
    /// never be told what became of the statement.
    Async<Outcome> run(Query query, Deadline by);
    /// From here on statements are prepared, once each, which spares the server most of its work; but
    /// only where `pid`, what the server calls its own process, is the one that libpq was told when it
    /// connected. Behind a pooler it is another, and there the next statement may meet a session that
    /// has prepared nothing.
    void prepare_from_here(std::int64_t pid);
    /// Runs a text of several statements without parameters.
    Async<Outcome> run_script(std::string sql, Deadline by);

    /// Whether the connection still stands, as far as this side can tell without asking.
    bool alive();
    bool closed() const { return connection_ == nullptr; }
    void close() noexcept;
    /// Ends whatever waits on this link, as if its time were over.
    void interrupt() noexcept { descriptor_.cancel(); }

    /// Waits for notifications; empty when the connection has broken, and is closed then, or `by` has
    /// passed.
    Async<std::vector<Note>> notes(Deadline by);

private:
    using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;
    enum class Ready { read, write };

    /// False: `by` has passed, or the wait failed.
    Async<bool> ready(Ready what, Deadline by);
    Async<Outcome> answer(Deadline by);
    Async<Outcome> run_plain(const Query& query, Deadline by);
    Async<Outcome> prepare(const Query& query, Deadline by);
    Async<Outcome> run_prepared(const Query& query, Deadline by);
    Outcome refused_to_send();
    void attach();
    void detach() noexcept;
    static void on_notice(void* self, const pg_result* notice);

    Executor on_;
    Clock& clock_;
    pg_conn* connection_ = nullptr;
    Descriptor descriptor_;
    bool doubtful_ = false;
    bool timed_out_ = false;
    bool prepares_ = false;
    struct HashOfText {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    /// Names of what was prepared, by the statement's text: never by where it lies, which another
    /// statement might take.
    std::unordered_map<std::string, std::string, HashOfText, std::equal_to<>> prepared_;
};

}  // namespace latchkey::postgres
