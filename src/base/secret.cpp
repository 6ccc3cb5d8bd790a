#include <latchkey/secret.h>

#include <string.h>
#include <cstring>
#include <utility>

namespace latchkey {

Secret::Secret(std::string_view bytes) : size_(bytes.size()) {
    if (size_ == 0) return;
    bytes_ = new char[size_];
    std::memcpy(bytes_, bytes.data(), size_);
}

Secret Secret::take(std::string&& bytes) {
    Secret secret{std::string_view{bytes}};
    latchkey::wipe(bytes);
    return secret;
}

Secret::Secret(const Secret& other) : Secret(other.reveal()) {}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(const Secret& other) {
    if (this != &other) *this = Secret{other};
    return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe();
        bytes_ = std::exchange(other.bytes_, nullptr);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

Secret::~Secret() {
    wipe();
}

bool Secret::same_as(const Secret& other) const noexcept {
    if (size_ != other.size_) return false;
    unsigned char difference = 0;
    for (std::size_t i = 0; i < size_; ++i)
        difference |= static_cast<unsigned char>(bytes_[i] ^ other.bytes_[i]);
    return difference == 0;
}

void Secret::wipe() noexcept {
    if (bytes_ == nullptr) return;
    ::explicit_bzero(bytes_, size_);
    delete[] bytes_;
    bytes_ = nullptr;
    size_ = 0;
}

void wipe(std::string& text) noexcept {
    ::explicit_bzero(text.data(), text.size());
    text.clear();
}

}  // namespace latchkey
