#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace latchkey {

/// A piece of memory for bytes on their way through, with room in front for a head that is written
/// before bytes which are there already. Taken from the thread's own stock and given back to it.
class Block {
public:
    static constexpr std::size_t front = 8 * 1024;
    static constexpr std::size_t size = 128 * 1024;

    Block();
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block();

    char* data() { return memory_.get() + front; }
    std::span<char> from(std::size_t at) { return {data() + at, size - at}; }

private:
    std::unique_ptr<char[]> memory_;
};

}  // namespace latchkey
