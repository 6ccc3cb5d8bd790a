#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace latchkey::emulator::rest {

/// Reads CSV as Bulk API 2.0 takes it (RFC 4180 with a choice of delimiter): quotes doubled within
/// quotes, line ends within quotes, blank lines left out.
class CsvRows {
public:
    /// `text` must outlive this object.
    CsvRows(std::string_view text, char delimiter) : rest_(text), delimiter_(delimiter) {}

    /// The next line's fields; nullopt at the end, or at a quote that never ends (`broken`).
    std::optional<std::vector<std::string>> next();
    bool broken() const { return broken_; }

private:
    std::string_view rest_;
    char delimiter_;
    bool broken_ = false;
};

/// Appends the field in quotes.
void put_csv(std::string& out, std::string_view field);

}  // namespace latchkey::emulator::rest
