#include "crypto/sealed_format.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"

namespace latchkey {
namespace {

constexpr char version = '\x01';
constexpr std::size_t checked_bytes = 5;  // version and key id

char value_of(char digit) {
    return static_cast<char>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

std::string check_of(std::string_view checked) {
    return sha256(checked).substr(0, seal_header_bytes - checked_bytes);
}

}  // namespace

bool is_key_id(std::string_view id) {
    return id.size() == 8 && std::all_of(id.begin(), id.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

std::string seal_header(std::string_view key_id) {
    std::string header(1, version);
    for (std::size_t i = 0; i < 8; i += 2)
        header += static_cast<char>(value_of(key_id[i]) << 4 | value_of(key_id[i + 1]));
    return header + check_of(header);
}

std::optional<std::string> key_id_of(std::string_view sealed) {
    if (sealed.size() < seal_header_bytes || sealed[0] != version) return std::nullopt;
    const auto checked = sealed.substr(0, checked_bytes);
    if (sealed.substr(0, seal_header_bytes).substr(checked_bytes) != check_of(checked))
        return std::nullopt;
    return hex(checked.substr(1));
}

Error corrupt() {
    return Error{Fault::internal, "corrupt",
                 "A sealed value does not open: it was damaged, cut or moved. Quarantine what it "
                 "belongs to and restore it from a backup or by connecting again."};
}

}  // namespace latchkey
