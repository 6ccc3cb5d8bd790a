#include <latchkey/csv.h>

namespace latchkey {
namespace {

bool needs_quotes(std::string_view field) {
    if (field.empty()) return false;
    // Some readers cut blanks at a field's ends unless it is quoted.
    if (field.front() == ' ' || field.back() == ' ') return true;
    // Would be taken for a byte order mark at the beginning of a file.
    if (field.starts_with("\xef\xbb\xbf")) return true;
    return field.find_first_of(",\"\r\n") != std::string_view::npos;
}

}  // namespace

void put_csv_field(std::string& out, std::string_view field) {
    if (!needs_quotes(field)) {
        out.append(field);
        return;
    }
    out += '"';
    for (auto quote = field.find('"'); quote != std::string_view::npos; quote = field.find('"')) {
        out.append(field.substr(0, quote + 1)) += '"';
        field.remove_prefix(quote + 1);
    }
    out.append(field) += '"';
}

void put_csv_row(std::string& out, std::span<const std::string> fields) {
    const std::size_t start = out.size();
    bool first = true;
    for (const auto& field : fields) {
        if (!first) out += ',';
        first = false;
        put_csv_field(out, field);
    }
    if (out.size() == start) out += "\"\"";  // a blank line would be no row
    out += '\n';
}

void put_csv_row(std::string& out, const CsvRow& row) {
    const std::size_t start = out.size();
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i > 0) out += ',';
        put_csv_field(out, row[i]);
    }
    if (out.size() == start) out += "\"\"";
    out += '\n';
}

}  // namespace latchkey
