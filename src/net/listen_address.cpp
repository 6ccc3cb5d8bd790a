#include "net/listen_address.h"

#include "base/text.h"
#include "net/http_syntax.h"

namespace latchkey {

Result<ListenAddress> parse_listen_address(std::string_view text) {
    const auto colon = text.rfind(':');
    ListenAddress address;
    if (colon != std::string_view::npos) {
        auto host = text.substr(0, colon);
        const auto port = parse_decimal(text.substr(colon + 1), 65535);
        const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
        if (bracketed) host = host.substr(1, host.size() - 2);
        const bool has_colon = host.find(':') != std::string_view::npos;
        if (port && !host.empty() && bracketed == has_colon && is_host(text)) {
            address.host = host;
            address.port = static_cast<std::uint16_t>(*port);
            return address;
        }
    }
    return Error{Fault::bad_input, "invalid_listen_address",
                 "\"" + printable(text) +
                     "\" is not an address to listen on. Write HOST:PORT, such as 127.0.0.1:8717, "
                     "or [::1]:8717."};
}

}  // namespace latchkey
