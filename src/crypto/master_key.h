#pragma once

#include <string>

#include <latchkey/error.h>
#include <latchkey/secret.h>

#include "base/random.h"
#include "crypto/key_ring.h"
#include "crypto/locked_key.h"
#include "model/grant.h"

namespace latchkey {

/// The key that the sealing keys are sealed with. It lives outside the store; this class has no
/// files: whoever reads the file also refuses one that others may read.
class MasterKey {
public:
    /// `content` of a key file: 32 bytes as base64 or as 64 hexadecimal digits, with blanks and
    /// line ends before or after. errors  misconfigured invalid_master_key
    static Result<MasterKey> parse(const Secret& content);
    static MasterKey generate(Random& random);

    /// As `parse` takes it: base64 with a line end.
    Secret text() const;

    /// Seals a sealing key for its id and what else `to` holds.
    Sealed wrap(const Binding& to, const Secret& key, Random& random) const;
    /// errors  misconfigured wrong_master_key: another key, another binding, or damage; they cannot
    ///         be told apart
    Result<Secret> unwrap(const Binding& to, const Sealed& wrapped) const;

private:
    explicit MasterKey(LockedKey root);
    LockedKey root_;
    LockedKey wraps_;
};

}  // namespace latchkey
