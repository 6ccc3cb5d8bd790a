#pragma once

#include <string>
#include <string_view>

#include <latchkey/provider.h>
#include <latchkey/secret.h>

namespace latchkey {

/// An application/x-www-form-urlencoded body with secrets in it: no copy stays behind, and what is
/// not taken is wiped.
class SecretForm {
public:
    SecretForm() = default;
    SecretForm(const SecretForm&) = delete;
    SecretForm& operator=(const SecretForm&) = delete;
    ~SecretForm() { wipe(text_); }

    void add(std::string_view name, std::string_view value);
    void add(std::string_view name, const Secret& value) { add(name, value.reveal()); }
    /// client_id, and client_secret where there is one (client_secret_post).
    void add_client(const Provider& provider);

    std::string take() { return std::move(text_); }

private:
    void append_encoded(std::string_view text);
    void grow(std::size_t by);
    std::string text_;
};

}  // namespace latchkey
