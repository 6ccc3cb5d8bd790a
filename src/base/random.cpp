#include "base/random.h"

#include <cerrno>
#include <cstdlib>
#include <vector>

#include <sys/random.h>

#include "base/text.h"

namespace latchkey {

void SystemRandom::fill(std::span<std::byte> out) {
    while (!out.empty()) {
        const auto got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) std::abort();
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

std::string random_text(Random& random, std::size_t bytes) {
    std::vector<std::byte> raw(bytes);
    random.fill(raw);
    return base64url({reinterpret_cast<const char*>(raw.data()), raw.size()});
}

std::string random_hex128(Random& random) {
    std::array<std::byte, 16> raw{};
    random.fill(raw);
    return hex({reinterpret_cast<const char*>(raw.data()), raw.size()});
}

}  // namespace latchkey
