#include "endpoint/secret_form.h"

#include <variant>

namespace latchkey {
namespace {

bool unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

}  // namespace

void SecretForm::add(std::string_view name, std::string_view value) {
    grow(name.size() * 3 + value.size() * 3 + 2);
    if (!text_.empty()) text_ += '&';
    append_encoded(name);
    text_ += '=';
    append_encoded(value);
}

void SecretForm::add_client(const Provider& provider) {
    add("client_id", provider.client_id);
    if (const auto* proof = std::get_if<SecretProof>(&provider.proof)) {
        add("client_secret", proof->client_secret);
    }
}

void SecretForm::append_encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
        if (unreserved(c)) {
            text_ += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        text_ += '%';
        text_ += digits[byte >> 4];
        text_ += digits[byte & 15];
    }
}

/// Grows by hand, because a string that grows by itself frees its old memory with the secret in it.
void SecretForm::grow(std::size_t by) {
    if (text_.capacity() - text_.size() >= by) return;
    std::string larger;
    larger.reserve((text_.size() + by) * 2);
    larger += text_;
    wipe(text_);
    text_ = std::move(larger);
}

}  // namespace latchkey
