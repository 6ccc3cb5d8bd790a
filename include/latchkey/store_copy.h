#pragma once

#include <cstdint>
#include <string>

#include <latchkey/error.h>
#include <latchkey/options.h>

namespace latchkey {

/// What a store's copy came to.
struct StoreCopy {
    std::string place;         ///< host, port and name of the database; safe to show
    bool done_before = false;  ///< an earlier call had copied it; the numbers are 0
    std::int64_t connections = 0;
    std::int64_t grants = 0;    ///< of every epoch
    std::int64_t sessions = 0;  ///< connect sessions
    std::int64_t api_keys = 0;
    std::int64_t events = 0;
    StoreCopy() = default;
};

/// Moves the store of `from`, a SQLite file that no process has open, into the empty shared database of
/// `to`, with its installation and its sealing keys, in one transaction. Afterwards the file is marked,
/// so that nothing opens it any more (store_moved): two stores with the same refresh tokens would end
/// each other's grants. The journal stays where it is: `to` must name the directory that `from` has.
///
/// Blocks. May be repeated: a process that dies leaves either the file as it was, or one that nothing
/// opens until this has been called again. Latchkey::mark_restored opens a moved file all the same.
///
/// errors  bad_input        store_copy_options: not a file and a database, or another journal
///         not_found        store_not_found: there is no such file
///         misconfigured    store_moved: to another database
///         conflict         store_not_empty, store_in_use: the database is used already
///         outcome_unknown  storage_outcome_unknown: call again
///         those of Latchkey::open that speak of stores, journals and master keys
Result<StoreCopy> copy_store(Options from, Options to);

}  // namespace latchkey
