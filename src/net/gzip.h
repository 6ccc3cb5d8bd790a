#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <latchkey/error.h>

namespace latchkey {

/// Unpacks one gzip member (RFC 1952) of at most `limit` bytes unpacked. It stops at the limit, so
/// a small body cannot fill the memory.
///
/// errors  bad_input  bad_gzip        not gzip, cut, checksum wrong, or bytes after the member
///                    gzip_too_large  more than `limit` bytes
Result<std::string> gunzip(std::string_view packed, std::size_t limit);

}  // namespace latchkey
