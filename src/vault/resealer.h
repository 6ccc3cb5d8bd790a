#pragma once

#include <cstddef>
#include <string>

#include "base/async.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/stops.h"
#include "crypto/key_ring.h"
#include "store/key_store.h"
#include "vault/bindings.h"

namespace latchkey {

/// What one page of resealing came to.
struct ResealedPage {
    GrantKey last;            ///< where the next page goes on
    std::size_t found = 0;    ///< grants with a token that another key had sealed
    std::size_t changed = 0;  ///< of these: sealed anew
    bool end = false;         ///< nothing was left behind `last`
};

/// Seals stored tokens anew with the key that seals now. The tokens, states and generations stay,
/// so it may run beside everything else and on several nodes, be killed at any moment and be
/// repeated: a row that has changed in the meantime is left to the next pass.
class Resealer {
public:
    static constexpr std::size_t page_size = 100;

    /// All must outlive this object.
    Resealer(KeyStore& store, const KeyRing& keys, std::string installation, Random& random,
             Stops& stops);

    /// One page of grants behind `after`. What does not open is passed over: it is for whoever
    /// opens it next to say so.
    Task<ResealedPage> page(GrantKey after, Deadline by);

private:
    Result<SealChange> sealed_anew(const GrantRow& row) const;

    KeyStore& store_;
    const KeyRing& keys_;
    Bindings bindings_;
    Random& random_;
    Stops& stops_;
};

}  // namespace latchkey
