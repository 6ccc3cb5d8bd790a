#include "store/postgres/query.h"

#include <libpq-fe.h>

namespace latchkey::postgres {
namespace {

// Types of the system catalogue that never change (pg_type.dat).
constexpr std::uint32_t type_bool = 16;
constexpr std::uint32_t type_bytea = 17;
constexpr std::uint32_t type_int8 = 20;
constexpr std::uint32_t type_text = 25;

std::string big_endian(std::int64_t value) {
    std::string bytes(8, '\0');
    auto rest = static_cast<std::uint64_t>(value);
    for (std::size_t i = 8; i-- > 0; rest >>= 8) bytes[i] = static_cast<char>(rest & 0xff);
    return bytes;
}

}  // namespace

Parameters& Parameters::add(std::uint32_t type, std::optional<std::string> value) {
    types_.push_back(type);
    values_.push_back(std::move(value));
    return *this;
}

Parameters& Parameters::bytes(std::string_view value) {
    return add(type_bytea, std::string{value});
}
Parameters& Parameters::word(std::string_view value) {
    return add(type_text, std::string{value});
}
Parameters& Parameters::number(std::int64_t value) {
    return add(type_int8, big_endian(value));
}
Parameters& Parameters::truth(bool value) {
    return add(type_bool, std::string(1, value ? '\1' : '\0'));
}
Parameters& Parameters::time(const std::optional<WallTime>& value) {
    return value ? time(*value) : add(type_int8, std::nullopt);
}
Parameters& Parameters::sealed(const std::optional<Sealed>& value) {
    return value ? sealed(*value) : add(type_bytea, std::nullopt);
}
Parameters& Parameters::bytes_or_null(const std::optional<std::string_view>& value) {
    return value ? bytes(*value) : add(type_bytea, std::nullopt);
}
Parameters& Parameters::word_or_null(const std::optional<std::string_view>& value) {
    return value ? word(*value) : add(type_text, std::nullopt);
}

Rows::Rows(pg_result* result) : result_(result, &PQclear) {}

Rows Rows::refusal() {
    Rows rows;
    rows.refused_ = true;
    return rows;
}

std::size_t Rows::size() const {
    return result_ ? static_cast<std::size_t>(PQntuples(result_.get())) : 0;
}

bool Rows::next() {
    column_ = 0;
    return static_cast<std::size_t>(++row_) < size();
}

bool Rows::null_here() {
    if (PQgetisnull(result_.get(), row_, column_) == 0) return false;
    ++column_;
    return true;
}

std::string Rows::text() {
    const auto column = column_++;
    return std::string(PQgetvalue(result_.get(), row_, column),
                       static_cast<std::size_t>(PQgetlength(result_.get(), row_, column)));
}

std::int64_t Rows::number() {
    std::uint64_t value = 0;
    for (const auto byte : text()) value = value << 8 | static_cast<unsigned char>(byte);
    return static_cast<std::int64_t>(value);
}

bool Rows::truth() {
    return text() == std::string_view{"\1", 1};
}

std::optional<Sealed> Rows::sealed_or_null() {
    if (null_here()) return std::nullopt;
    return sealed();
}

std::optional<WallTime> Rows::time_or_null() {
    if (null_here()) return std::nullopt;
    return time();
}

}  // namespace latchkey::postgres
