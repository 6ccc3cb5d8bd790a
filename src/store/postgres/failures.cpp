#include "store/postgres/failures.h"

#include "store/errors.h"

namespace latchkey::postgres {

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
