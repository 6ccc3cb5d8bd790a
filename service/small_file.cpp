#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "service/config.h"

namespace latchkey::service {
namespace {

constexpr std::size_t most_bytes = 64 * 1024;

struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
};

Error unreadable(const std::string& path, const std::string& why) {
    return {Fault::misconfigured, "file_unreadable",
            printable(path) + " cannot be read: " + why + "."};
}

}  // namespace

Result<std::string> read_small_file(const std::string& path, bool secret) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.number < 0) return unreadable(path, std::strerror(errno));
    struct stat facts{};
    if (::fstat(file.number, &facts) != 0) return unreadable(path, std::strerror(errno));
    if (!S_ISREG(facts.st_mode)) return unreadable(path, "it is not a plain file");
    if (secret && (facts.st_mode & (S_IRGRP | S_IROTH)) != 0)
        return Error{Fault::misconfigured, "file_not_private",
                     printable(path) + " holds a secret and is readable by others; chmod 600 it."};

    std::string text;
    char buffer[4096];
    for (;;) {
        const auto got = ::read(file.number, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return unreadable(path, std::strerror(errno));
        if (got == 0) break;
        text.append(buffer, static_cast<std::size_t>(got));
        if (text.size() > most_bytes) return unreadable(path, "it is larger than 64 KiB");
    }
    ::explicit_bzero(buffer, sizeof buffer);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
}

}  // namespace latchkey::service
