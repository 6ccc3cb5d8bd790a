#pragma once

#include <cerrno>
#include <string>
#include <system_error>

#include <latchkey/error.h>

#include "store/errors.h"

/// What a journal's directory can be refused for, and what its disk can answer.
namespace latchkey::journal {

inline Error damaged(const std::string& where) {
    return {Fault::misconfigured, "journal_damaged",
            "The journal is damaged (" + where +
                "), so nothing was started. Run latchkey journal repair on its directory: it keeps "
                "every intact record and sets the rest aside."};
}
inline Error foreign(const std::string& where) {
    return {Fault::misconfigured, "journal_foreign",
            "The journal's directory holds the journal of another node or installation (" + where +
                "). Name the directory that belongs to this store and node; if the store was made "
                "anew on purpose, move the directory away."};
}
inline Error too_new(const std::string& where) {
    return {Fault::misconfigured, "journal_too_new",
            "The journal was written by a later latchkey (" + where + "). Start that one."};
}
inline Error read_only() {
    return {Fault::misconfigured, "journal_read_only",
            "The journal's directory cannot be written, so nothing was sent. Make its file system "
            "writable."};
}

inline Error failed(const std::string& what) {
    return {Fault::internal, "journal_failed",
            "Something happened in the journal that latchkey does not provide for (" + what +
                "). Please report it with the log."};
}

/// What an errno of the disk means to a caller whose answer was not written.
inline Error refused(int code) {
    if (code == ENOSPC || code == EDQUOT || code == EFBIG) return store_error::journal_full();
    if (code == EROFS || code == EACCES || code == EPERM) return read_only();
    return store_error::unavailable("the journal's disk says \"" +
                                    std::generic_category().message(code) + "\"");
}

}  // namespace latchkey::journal
