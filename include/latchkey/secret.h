#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace latchkey {

/// Bytes that must not be seen: tokens, client secrets, codes, verifiers, keys.
///
/// It cannot be printed, formatted or compared with `==`; its memory is wiped when it goes. Reading
/// it takes the word `reveal`, which is easy to search for. Equality is `same_as`, in constant time
/// for equal lengths.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string_view bytes);
    /// Takes the bytes and wipes the string they came in.
    static Secret take(std::string&& bytes);

    Secret(const Secret& other);
    Secret(Secret&& other) noexcept;
    Secret& operator=(const Secret& other);
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    /// Valid while this object lives and is not assigned to.
    std::string_view reveal() const noexcept { return {bytes_, size_}; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

    /// The lengths may leak through time, the contents do not.
    bool same_as(const Secret& other) const noexcept;

    bool operator==(const Secret&) const = delete;
    template <class Char, class Traits>
    friend std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>&,
                                                        const Secret&) = delete;

private:
    void wipe() noexcept;
    char* bytes_ = nullptr;
    std::size_t size_ = 0;
};

/// Overwrites the characters, which a compiler may not leave out, and empties the string.
void wipe(std::string& text) noexcept;

}  // namespace latchkey
