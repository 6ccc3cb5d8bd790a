// What is asked to be aligned like everything that malloc gives is had from malloc. The C library's own
// function takes a slower way whatever the alignment, and Asio asks it for the frame of every coroutine.
#include <cstddef>
#include <cstdlib>

#include <malloc.h>

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
    if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
    return ::memalign(alignment, size);
}
