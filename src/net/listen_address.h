#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <latchkey/error.h>

namespace latchkey {

/// A host and a port of "HOST:PORT" or "[IPV6]:PORT".
struct ListenAddress {
    std::string host;
    std::uint16_t port = 0;
};
/// errors  bad_input invalid_listen_address
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace latchkey
