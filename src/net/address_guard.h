#pragma once

#include <string_view>

namespace latchkey {

/// True if a numeric IPv4 or IPv6 address is one of the public internet, so that a name given by
/// somebody else may lead there. False for loopback, private, link-local and shared networks, cloud
/// metadata, multicast, documentation and other special ranges, for every IPv6 form that carries an
/// IPv4 address inside (mapped, NAT64, 6to4, Teredo), and for text that is no address.
///
/// source  IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890)
bool is_public_address(std::string_view numeric);

}  // namespace latchkey
