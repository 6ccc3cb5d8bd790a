#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <latchkey/error.h>
#include <latchkey/secret.h>

#include "net/http.h"

namespace latchkey {

inline constexpr std::size_t answer_limit = 1024 * 1024;

/// All values of Content-Encoding in one text, printable, at most 64 bytes; empty: none.
std::string content_encoding(const Headers& headers);

/// Takes off at most one gzip coding; the result has at most 1 MiB.
/// errors  bad_input  content_coding: another coding, several, or damaged
Result<Secret> decoded(std::string_view encoding, std::string_view body);

}  // namespace latchkey
