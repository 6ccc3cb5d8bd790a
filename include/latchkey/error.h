#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <boost/system/result.hpp>

namespace latchkey {

/// Who has to act. A caller decides on this alone and never reads a message.
enum class Fault {
    bad_input,  ///< the caller: this request cannot be right
    not_found,  ///< the caller: there is no such thing
    conflict,   ///< the caller: somebody changed it first, or its standing forbids this; look again
    denied,     ///< the caller: known, but not allowed to do this
    try_later,  ///< time: nothing changed; the same call may work later
    outcome_unknown,  ///< time: it may have happened; look before repeating
    reauthorize,      ///< the end user: connect again
    misconfigured,    ///< the operator or Salesforce administrator: fix a setting, a key, a policy
    internal,         ///< us: this is a bug of latchkey
};

/// The fault's name, for JSON and logs: "bad_input", "reauthorize", ...
const char* name(Fault fault) noexcept;

/// A failure that was expected to be possible.
///
/// `code` and `message` are ours: they hold no secret and are safe to log and to show.
/// `remote_text` is what the other side wrote, at most 256 bytes of printable ASCII, for operators
/// only; it is never a whole body.
struct Error {
    Fault fault = Fault::internal;
    std::string code;     ///< stable, snake_case; what programs compare, such as "user_mismatch"
    std::string message;  ///< one sentence of what happened and one of what to do
    std::string remote_text = {};
    std::optional<std::chrono::seconds> retry_after = {};  ///< with try_later: not before this

    Error() = default;
    Error(Fault f, std::string c, std::string m, std::string remote = {})
        : fault(f), code(std::move(c)), message(std::move(m)), remote_text(std::move(remote)) {}
};

/// Thrown only by `Result::value()` on a result that holds an error: the caller's bug.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& where);

/// A value, or who has to act. Stands for std::expected until both compilers have it.
template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace latchkey
