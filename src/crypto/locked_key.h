#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace latchkey {

/// 32 bytes of key in memory of their own: locked against swap where the kernel allows it, left out
/// of core files, between guard pages, read-only once filled, wiped when it goes.
class LockedKey {
public:
    static constexpr std::size_t size = 32;

    /// `bytes` must be 32 long. Ends the process if there is no such memory: a key must not land
    /// anywhere else.
    explicit LockedKey(std::string_view bytes);
    LockedKey(LockedKey&& other) noexcept : bytes_(std::exchange(other.bytes_, nullptr)) {}
    LockedKey& operator=(LockedKey&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~LockedKey();

    const unsigned char* data() const { return bytes_; }
    std::string_view view() const { return {reinterpret_cast<const char*>(bytes_), size}; }

    /// A key for one purpose: HKDF-Expand (RFC 5869 section 2.3) with this key and `label`. Keys of
    /// different labels tell nothing of each other.
    LockedKey derive(std::string_view label) const;

private:
    unsigned char* bytes_ = nullptr;
};

}  // namespace latchkey
