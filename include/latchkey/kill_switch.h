#pragma once

#include <string>

#include <latchkey/ids.h>
#include <latchkey/time.h>

namespace latchkey {

/// An operator's stop, for the connections of one provider or for all. While it is on, nothing is
/// vended, relayed or refreshed and no connect session is opened: every such call is refused with
/// `stopped_by_operator`, on the node that was told at once and on every other within 5 s. Tokens
/// that were vended before are Salesforce's to end, which is what `revokes` asks for.
struct KillSwitch {
    ProviderId provider;   ///< empty: all providers
    WallTime since{};      ///< when it was turned on first
    std::string reason;    ///< an operator's words, at most 200 bytes; not secret
    bool revokes = false;  ///< every connection it covers is revoked at Salesforce, for good
    bool stored =
        true;  ///< false: in force on the node that was told alone, until the store is back
    bool swept = false;  ///< none that it covers was left at the last look: all are being revoked
    bool covers(const ProviderId& one) const { return provider.text.empty() || provider == one; }
};

}  // namespace latchkey
