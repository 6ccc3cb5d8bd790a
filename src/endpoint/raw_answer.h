#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <latchkey/error.h>
#include <latchkey/secret.h>

#include "oauth/token_answer.h"

namespace latchkey {

/// An answer of the token endpoint before anybody has parsed it: what the journal keeps. The body
/// may hold tokens.
struct RawAnswer {
    int status = 0;
    std::string content_type;                         ///< at most 128 printable bytes
    std::string content_encoding;                     ///< at most 64 printable bytes; empty: none
    std::optional<std::chrono::seconds> retry_after;  ///< clamped to 1 s ... 1 h
    Secret body;                                      ///< at most 1 MiB, content coding kept
    bool whole = true;
    RawAnswer() = default;

    /// Bytes for the journal, and back.
    Secret pack() const;
    /// errors  internal damaged_record
    static Result<RawAnswer> unpack(std::string_view bytes);
};

/// What an answer to a refresh means, by the rules of docs/concepts and README of src/refresh.
struct RefreshVerdict {
    enum class Kind {
        issued,    ///< a whole 200: tokens are in `answer`
        salvaged,  ///< a cut 200 whose refresh token is complete: consumed, keep it, then resolve
        not_consumed,  ///< our registration, a limit, an address: the grant is unharmed
        busy,          ///< another request with this token is alive: unknown until asked
        dead,          ///< the grant will never work again
        unknown,       ///< nobody can tell from this whether the token was spent
    };
    Kind kind = Kind::unknown;
    oauth::TokenAnswer answer;
    Error error;  ///< for all but issued: who must act; code is the reason that is stored
};
/// Pure. Decodes one gzip coding within 1 MiB.
RefreshVerdict judge_refresh(const RawAnswer& raw);

/// What an answer to a code exchange means.
/// errors  reauthorize      the code is spent or expired (code as Salesforce's error): start again
///         misconfigured · try_later   as the catalogue says
///         outcome_unknown  upstream_invalid_response: a 200 without a usable access token, 5xx,
///         3xx
Result<oauth::TokenAnswer> judge_exchange(const RawAnswer& raw);

}  // namespace latchkey
