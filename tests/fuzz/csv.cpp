#include <cstdint>
#include <string>
#include <vector>

#include <latchkey/csv.h>

#include "tests/fuzz/judge.h"

namespace {

using latchkey::CsvReader;

struct Seen {
    std::vector<std::vector<std::string>> rows;  ///< the columns' names are the first
    std::string error;
};

void take(CsvReader& reader, Seen& seen) {
    if (!reader.columns()) return;
    if (seen.rows.empty()) seen.rows.push_back(*reader.columns());
    const auto page = reader.take();
    for (std::size_t i = 0; i < page.size(); ++i) {
        auto& row = seen.rows.emplace_back();
        for (std::size_t j = 0; j < page[i].size(); ++j) row.emplace_back(page[i][j]);
    }
}

Seen read(std::string_view bytes, std::size_t piece) {
    CsvReader reader;
    Seen seen;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const auto fed = reader.feed(bytes.substr(at, piece));
        take(reader, seen);
        if (fed) continue;
        seen.error = fed.error().code;
        return seen;
    }
    const auto ended = reader.finish();
    take(reader, seen);
    if (!ended) seen.error = ended.error().code;
    return seen;
}

}  // namespace

/// However its bytes come, CSV means the same; every row has as many fields as there are columns; and
/// what was read can be written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece = 1 + data[0] % 16;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    const auto whole = read(bytes, bytes.size() + 1);
    const auto pieces = read(bytes, piece);
    LATCHKEY_HOLDS(whole.error == pieces.error);
    LATCHKEY_HOLDS(whole.rows == pieces.rows);
    std::string written;
    for (const auto& row : whole.rows) {
        LATCHKEY_HOLDS(row.size() == whole.rows.front().size());
        latchkey::put_csv_row(written, row);
    }
    const auto again = read(written, piece);
    LATCHKEY_HOLDS(again.error.empty());
    LATCHKEY_HOLDS(again.rows == whole.rows);
    return 0;
}
