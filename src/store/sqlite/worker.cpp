#include "store/sqlite/worker.h"

#include <utility>

namespace latchkey::sqlite {

Worker::Worker(std::unique_ptr<Database> database, Clock& clock, Log& log)
    : database_(std::move(database)), clock_(clock), log_(log) {}

Error Worker::reported(const Failure& failure) {
    Error error = error_of(failure);
    log_.write(error.fault == Fault::internal ? Level::error : Level::warning, "store_failed",
               {{"code", error.code},
                {"sqlite_code", std::int64_t{failure.code}},
                {"at_commit", failure.at_commit ? "yes" : "no"},
                {"what", failure.what}});
    return error;
}

}  // namespace latchkey::sqlite
