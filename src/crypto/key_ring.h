#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/secret.h>

#include "base/random.h"
#include "model/grant.h"

namespace latchkey {

/// What a sealed value is bound to: a list of fields, each with its length, so that no two
/// different lists make the same bytes.
class Binding {
public:
    explicit Binding(std::string_view purpose) { add(purpose); }
    Binding& add(std::string_view field);
    Binding& add(std::int64_t number);
    const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

/// The sealing keys in locked memory that is not written to core files. One seals, all open.
/// XChaCha20-Poly1305 with random nonces (draft-irtf-cfrg-xchacha); a sealed value is version, key
/// id, nonce, ciphertext and tag. Safe to use from several threads.
class KeyRing {
public:
    KeyRing();
    ~KeyRing();
    KeyRing(KeyRing&&) noexcept;
    KeyRing& operator=(KeyRing&&) noexcept;

    /// `id` is 8 hexadecimal digits, `key` 32 bytes. It only opens until `seal_with`, unless it is
    /// the first. errors  bad_input invalid_key
    Result<void> add(std::string id, const Secret& key);
    /// From now on this one seals. errors  try_later key_unavailable: it is not in this ring
    Result<void> seal_with(const std::string& id);
    bool has(const std::string& id) const;
    /// Whether the key of that id is this one; false also where there is none.
    bool has(const std::string& id, const Secret& key) const;
    std::size_t size() const;
    /// The one that seals; empty in an empty ring.
    std::string sealing() const;

    /// errors  misconfigured no_sealing_key
    Result<Sealed> seal(const Binding& to, const Secret& value, Random& random) const;
    /// errors  internal corrupt (any bit, length, place or binding differs)
    ///         try_later key_unavailable (sealed with a key this ring lacks)
    Result<Secret> open(const Binding& to, const Sealed& value) const;

    /// HMAC-SHA256 of a value under a key derived from the oldest key for `purpose`; base64url.
    /// Other purposes give unrelated hashes.
    Result<std::string> keyed_hash(std::string_view purpose, const Secret& value) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey
