#include "store/postgres/failures.h"

#include "store/errors.h"

namespace latchkey::postgres {

Error error_of_login(std::string_view state, bool password_missing) {
    // 42501: the role may not connect to this database.
    if (password_missing || state == "28P01" || state == "28000" || state == "42501")
        return {Fault::misconfigured, "storage_login",
                "The database refuses this node's login. Nothing was changed; check user and "
                "password of the connection string, and the server's pg_hba.conf."};
    if (state == "3D000")
        return {Fault::misconfigured, "storage_no_database",
                "The server has no such database. Nothing was changed; check dbname in the "
                "connection string, or make the database."};
    return store_error::unavailable("the database cannot be reached");
}

Error error_of(const Outcome& outcome, bool writes) {
    const auto& state = outcome.sqlstate;
    Error error = store_error::unavailable("the database refused the statement");
    switch (outcome.kind) {
        case Outcome::Kind::lost:
        case Outcome::Kind::doubtful:
            if (writes) return store_error::outcome_unknown();
            error = store_error::unavailable(outcome.timed_out
                                                 ? "the database did not answer in time"
                                                 : "the connection to the database broke");
            break;
        case Outcome::Kind::not_sent:
            error = store_error::unavailable("the connection to the database broke");
            break;
        default:
            if (state == "25006") return store_error::read_only();
            // Another system, or a database without our tables.
            if (state == unknown_system_state || state == "3F000" || state == "42P01" ||
                state == "42883")
                return store_error::unknown_history();
            if (state.starts_with("XX00") && state != "XX000")
                return store_error::damaged("the database says " + state);
            if (state == not_durable_state)
                error = store_error::unavailable("the database would not write it durably");
    }
    error.remote_text = outcome.what;
    return error;
}

}  // namespace latchkey::postgres
