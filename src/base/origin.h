#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <latchkey/error.h>

namespace latchkey {

/// Where bytes go: scheme, host and port, and nothing else of a URL.
struct Origin {
    bool tls = true;
    std::string host;  ///< lower-case ASCII name, IPv4 literal, or IPv6 literal without brackets
    std::uint16_t port = 443;

    /// "https://acme.my.salesforce.com", with the port only where it is not the scheme's own.
    std::string text() const;
    /// Value of the Host header.
    std::string authority() const;
    bool operator==(const Origin&) const = default;

    /// Parses exactly scheme://host[:port] with an optional closing slash: no user info, path,
    /// query, fragment, blank, back-slash, percent sign, closing dot or byte outside ASCII.
    /// errors  bad_input invalid_origin
    static Result<Origin> parse(std::string_view url);

    /// localhost, 127.0.0.0/8 or ::1 by its text alone; nothing is looked up.
    bool loopback() const;
};

}  // namespace latchkey
