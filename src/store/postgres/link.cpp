#include "store/postgres/link.h"

#include <poll.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include <boost/asio/redirect_error.hpp>

#include <libpq-fe.h>

#include "base/text.h"
#include "store/errors.h"
#include "store/postgres/failures.h"

namespace latchkey::postgres {
namespace {

constexpr std::size_t longest_told = 256;
/// The program has about a hundred statements.
constexpr std::size_t most_prepared = 500;

std::string told(const char* text) {
    auto words = printable(text == nullptr ? "" : text);
    if (words.size() > longest_told) words.resize(longest_told);
    return words;
}

std::string field(const PGresult* result, int which) {
    const char* text = PQresultErrorField(result, which);
    return text == nullptr ? std::string{} : std::string{text};
}

/// A server that says FATAL has ended the session, and one that is being stopped may do so after
/// the commit; a pooler tells the loss of its server in class 08. The rest is said before anything
/// took effect.
bool ends_the_session(const std::string& severity, const std::string& state) {
    return severity == "FATAL" || severity == "PANIC" || state.starts_with("08") ||
           state.starts_with("57P0");
}

/// The SQLSTATE in a text such as "... failed: FATAL:  28P01: password authentication failed ...",
/// which is the only place where libpq tells why a connection was refused; the words before and
/// behind it may be in any language.
std::string_view state_in(std::string_view text) {
    constexpr std::size_t length = 5;
    for (std::size_t at = text.find(":  "); at != std::string_view::npos;
         at = text.find(":  ", at)) {
        at += 3;
        const auto state = text.substr(at, length);
        const bool whole = state.size() == length && text.substr(at + length, 2) == ": ";
        if (whole && state.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
                         std::string_view::npos)
            return state;
    }
    return {};
}

/// The statement was not run: the session has not prepared it, or the tables have changed since.
bool forgot_statement(const std::string& state) {
    return state == "26000" || state == "0A000";
}

/// FNV-1a.
std::string hash_of(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    std::string bytes(sizeof hash, '\0');
    std::memcpy(bytes.data(), &hash, sizeof hash);
    return bytes;
}

/// A statement's values as libpq takes them; views into the parameters.
struct Values {
    int count;
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;

    explicit Values(const Parameters& given)
        : count(static_cast<int>(given.size())), formats(given.size(), 1) {
        for (const auto& value : given.values()) {
            values.push_back(value ? value->data() : nullptr);
            lengths.push_back(value ? static_cast<int>(value->size()) : 0);
        }
    }
};

Error refusal(PGconn* connection) {
    const std::string_view text{PQerrorMessage(connection)};
    auto error = error_of_login(state_in(text), PQconnectionNeedsPassword(connection) == 1);
    error.remote_text = told(std::string{text.substr(0, text.find('\n'))}.c_str());
    return error;
}

}  // namespace

Link::Link(Executor on, Clock& clock) : on_(on), clock_(clock), descriptor_(on) {}

Link::~Link() {
    close();
}

void Link::close() noexcept {
    detach();
    if (connection_ != nullptr) PQfinish(connection_);
    connection_ = nullptr;
}

void Link::attach() {
    const int socket = PQsocket(connection_);
    if (socket >= 0) descriptor_.assign(socket);
}

/// The socket is libpq's: it closes it.
void Link::detach() noexcept {
    if (descriptor_.is_open()) descriptor_.release();
}

Async<bool> Link::ready(Ready what, Deadline by) {
    if (!descriptor_.is_open()) co_return false;
    Watch watch{clock_, on_};
    watch.at(by.at, [this] { descriptor_.cancel(); });
    if (watch.fired()) {
        timed_out_ = true;
        co_return false;
    }
    const auto kind = what == Ready::read ? Descriptor::wait_read : Descriptor::wait_write;
    boost::system::error_code failed;
    co_await descriptor_.async_wait(kind, boost::asio::redirect_error(use_task, failed));
    if (watch.fired()) timed_out_ = true;
    co_return !failed && !watch.fired();
}

Task<void> Link::open(std::vector<std::pair<std::string, Secret>> settings, Deadline by) {
    std::vector<std::string> kept;
    std::vector<const char*> keys;
    std::vector<const char*> values;
    kept.reserve(settings.size());
    for (const auto& [key, value] : settings) {
        kept.emplace_back(value.reveal());
        keys.push_back(key.c_str());
        values.push_back(kept.back().c_str());
    }
    keys.push_back(nullptr);
    values.push_back(nullptr);
    connection_ = PQconnectStartParams(keys.data(), values.data(), 0);
    for (auto& value : kept) wipe(value);
    if (connection_ == nullptr) co_return store_error::unavailable("there is no memory left");
    PQsetNoticeReceiver(connection_, &Link::on_notice, this);
    PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);  // with the SQLSTATE

    timed_out_ = false;
    auto turn =
        PQstatus(connection_) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (turn == PGRES_POLLING_READING || turn == PGRES_POLLING_WRITING) {
        // libpq may have taken another socket since the last turn.
        detach();
        attach();
        const auto what = turn == PGRES_POLLING_READING ? Ready::read : Ready::write;
        const bool waited = co_await ready(what, by);
        if (!waited) break;
        turn = PQconnectPoll(connection_);
    }
    if (turn != PGRES_POLLING_OK || PQsetnonblocking(connection_, 1) != 0) {
        auto refused = timed_out_ ? store_error::unavailable("the database did not answer in time")
                                  : refusal(connection_);
        close();
        co_return refused;
    }
    detach();
    attach();
    co_return Result<void>{};
}

void Link::prepare_from_here(std::int64_t pid) {
    prepares_ = connection_ != nullptr && PQbackendPID(connection_) == pid;
}

Async<Outcome> Link::run(Query query, Deadline by) {
    Outcome outcome;
    if (connection_ == nullptr) co_return outcome;
    if (prepared_.size() >= most_prepared) prepares_ = false;
    if (prepares_ && prepared_.find(query.sql) == prepared_.end()) {
        outcome = co_await prepare(query, by);
        // Whatever became of it, the statement itself was not handed over.
        if (closed()) outcome.kind = Outcome::Kind::not_sent;
        if (closed()) co_return outcome;
        if (outcome.kind != Outcome::Kind::done) prepares_ = false;
    }
    if (prepares_) {
        outcome = co_await run_prepared(query, by);
        if (outcome.kind != Outcome::Kind::refused || !forgot_statement(outcome.sqlstate))
            co_return outcome;
        prepares_ = false;
    }
    outcome = co_await run_plain(query, by);
    co_return outcome;
}

Outcome Link::refused_to_send() {
    Outcome outcome;
    outcome.what = told(PQerrorMessage(connection_));
    close();
    return outcome;
}

Async<Outcome> Link::prepare(const Query& query, Deadline by) {
    // Of the text, so that the same name is the same statement whoever has prepared it.
    auto name = "latchkey_" + hex(hash_of(query.sql));
    const std::string sql{query.sql};
    doubtful_ = false;
    timed_out_ = false;
    if (PQsendPrepare(connection_, name.c_str(), sql.c_str(), static_cast<int>(query.given.size()),
                      query.given.types()) == 0)
        co_return refused_to_send();
    auto outcome = co_await answer(by);
    if (outcome.kind == Outcome::Kind::done) prepared_.emplace(sql, std::move(name));
    co_return outcome;
}

Async<Outcome> Link::run_prepared(const Query& query, Deadline by) {
    const Values given{query.given};
    doubtful_ = false;
    timed_out_ = false;
    const auto& name = prepared_.find(query.sql)->second;
    if (PQsendQueryPrepared(connection_, name.c_str(), given.count, given.values.data(),
                            given.lengths.data(), given.formats.data(), 1) == 0)
        co_return refused_to_send();
    auto outcome = co_await answer(by);
    co_return outcome;
}

Async<Outcome> Link::run_plain(const Query& query, Deadline by) {
    const Values given{query.given};
    const std::string sql{query.sql};
    doubtful_ = false;
    timed_out_ = false;
    if (PQsendQueryParams(connection_, sql.c_str(), given.count, query.given.types(),
                          given.values.data(), given.lengths.data(), given.formats.data(), 1) == 0)
        co_return refused_to_send();
    auto outcome = co_await answer(by);
    co_return outcome;
}

Async<Outcome> Link::run_script(std::string sql, Deadline by) {
    Outcome outcome;
    if (connection_ == nullptr) co_return outcome;
    doubtful_ = false;
    timed_out_ = false;
    if (PQsendQuery(connection_, sql.c_str()) == 0) co_return refused_to_send();
    co_return co_await answer(by);
}

/// Hands the rest over and reads to the end of the answer.
Async<Outcome> Link::answer(Deadline by) {
    Outcome outcome;
    outcome.kind = Outcome::Kind::lost;
    for (;;) {
        const int left = PQflush(connection_);
        if (left == 0) break;
        bool going = left > 0;
        if (going) going = co_await ready(Ready::write, by);
        if (!going) {
            outcome.timed_out = timed_out_;
            outcome.what = told(PQerrorMessage(connection_));
            close();
            co_return outcome;
        }
    }
    bool refused = false;
    for (;;) {
        bool going = true;
        while (going && PQisBusy(connection_) != 0) {
            going = co_await ready(Ready::read, by);
            if (going) going = PQconsumeInput(connection_) == 1;
        }
        if (!going) {
            outcome.timed_out = timed_out_;
            outcome.what = told(PQerrorMessage(connection_));
            close();
            co_return outcome;
        }
        PGresult* result = PQgetResult(connection_);
        if (result == nullptr) break;
        Rows rows{result};
        const auto status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
            outcome.rows = std::move(rows);
            continue;
        }
        refused = true;
        outcome.sqlstate = field(result, PG_DIAG_SQLSTATE);
        outcome.what = told(field(result, PG_DIAG_MESSAGE_PRIMARY).c_str());
        const auto severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
        if (outcome.sqlstate.empty() || ends_the_session(severity, outcome.sqlstate)) {
            if (outcome.what.empty()) outcome.what = told(PQerrorMessage(connection_));
            close();
            co_return outcome;
        }
    }
    outcome.kind = Outcome::Kind::done;
    if (doubtful_) outcome.kind = Outcome::Kind::doubtful;
    if (refused) outcome.kind = Outcome::Kind::refused;
    co_return outcome;
}

/// "canceling the wait for synchronous replication": the transaction is committed here, and perhaps
/// nowhere else. Said with 01000, or with 57P01 while the server is being stopped.
void Link::on_notice(void* self, const pg_result* notice) {
    const auto state = field(notice, PG_DIAG_SQLSTATE);
    if (state == "01000" || state == "57P01") static_cast<Link*>(self)->doubtful_ = true;
}

bool Link::alive() {
    if (connection_ == nullptr || !descriptor_.is_open()) return false;
    // Nobody speaks while nothing is asked, but for a server that says goodbye, and libpq would not
    // tell that from news before the next statement was on its way.
    pollfd socket{PQsocket(connection_), POLLIN, 0};
    return ::poll(&socket, 1, 0) == 0 && PQstatus(connection_) == CONNECTION_OK;
}

Async<std::vector<Note>> Link::notes(Deadline by) {
    std::vector<Note> found;
    timed_out_ = false;
    for (;;) {
        while (auto* note = connection_ == nullptr ? nullptr : PQnotifies(connection_)) {
            found.push_back(Note{note->extra});
            PQfreemem(note);
        }
        if (!found.empty() || connection_ == nullptr) co_return found;
        const bool waited = co_await ready(Ready::read, by);
        if (!waited && timed_out_) co_return found;
        if (!waited || PQconsumeInput(connection_) == 0) close();
    }
}

}  // namespace latchkey::postgres
