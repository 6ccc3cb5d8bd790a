#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "emulator/data/answers.h"
#include "emulator/data/call.h"
#include "emulator/data/generated.h"
#include "emulator/data/records.h"
#include "emulator/data/soql_bind.h"

namespace latchkey::emulator::rest {

/// Answers that did not fit into one page, waiting to be asked for.
class Cursors {
public:
    /// The oldest is dropped for another one.
    static constexpr std::size_t most = 100;
    /// Without use for this long, a cursor is gone.
    static constexpr std::chrono::hours idle{48};

    struct Cursor {
        std::string id;  ///< 18 characters, key prefix 01g
        std::string user_id;
        const ObjectDef* object = nullptr;
        std::vector<Selected> selected;
        std::vector<std::size_t> rows;
        std::optional<Span> generated;  ///< instead of rows
        std::size_t page = 0;
        WallTime used;

        std::size_t total() const {
            return generated ? static_cast<std::size_t>(generated->count) : rows.size();
        }
    };

    /// returns  the cursor's id
    std::string keep(Cursor cursor);
    /// nullptr if there is none of that user, or it was not used for too long.
    const Cursor* find(std::string_view id, std::string_view user_id, WallTime now);

private:
    std::deque<Cursor> cursors_;
    std::uint64_t made_ = 0;
};

/// GET query?q=, queryAll?q= and query/<locator>.
Reply answer_query(const Call& call, Org& org, Cursors& cursors);

/// GET tooling/query?q=: this org has no tooling objects, so a query that can be read names a type
/// that is not there.
Reply answer_tooling_query(const Call& call);

}  // namespace latchkey::emulator::rest
