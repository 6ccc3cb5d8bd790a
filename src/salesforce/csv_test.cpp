#include <latchkey/csv.h>

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace latchkey {
namespace {

using Rows = std::vector<std::vector<std::string>>;

/// What a reader makes of bytes that come in pieces of that size; the columns are the first row.
struct Read {
    Rows rows;
    std::string error;
    bool operator==(const Read&) const = default;
};

Read read(std::string_view bytes, std::size_t piece = 1'000'000, CsvLimits limits = {}) {
    CsvReader reader{limits};
    Read read;
    const auto take = [&] {
        if (!reader.columns()) return;
        if (read.rows.empty()) read.rows.push_back(*reader.columns());
        const CsvPage page = reader.take();
        for (std::size_t i = 0; i < page.size(); ++i) {
            std::vector<std::string> fields;
            for (std::size_t j = 0; j < page[i].size(); ++j) fields.emplace_back(page[i][j]);
            read.rows.push_back(std::move(fields));
        }
    };
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const auto fed = reader.feed(bytes.substr(at, piece));
        take();
        if (!fed) {
            read.error = fed.error().code;
            return read;
        }
    }
    const auto ended = reader.finish();
    take();
    if (!ended) read.error = ended.error().code;
    return read;
}

}  // namespace

TEST_CASE("CSV is read as RFC 4180 writes it, in pieces of any size") {
    struct Sample {
        const char* bytes;
        Rows rows;
        const char* error = "";
    };
    const std::vector<Sample> samples = {
        {"", {}},
        {"\n\r\n", {}},
        {"A", {{"A"}}},
        {"A,B\n1,2\n", {{"A", "B"}, {"1", "2"}}},
        {"A,B\r\n1,2\r\n3,4", {{"A", "B"}, {"1", "2"}, {"3", "4"}}},
        {"A,B\n,\n", {{"A", "B"}, {"", ""}}},
        {"A\n\"\"\n\n\"x\"\n", {{"A"}, {""}, {"x"}}},
        {"A,B\n\"a,b\",\"c\"\"d\"\n", {{"A", "B"}, {"a,b", "c\"d"}}},
        {"A\n\"one\ntwo\r\nthree\"\n", {{"A"}, {"one\ntwo\r\nthree"}}},
        {"\xef\xbb\xbf\"A\"\n1\n", {{"A"}, {"1"}}},
        {"\xef\xbb", {{"\xef\xbb"}}},
        {"A\n\"\"\"\"\n", {{"A"}, {"\""}}},
        {"A, B\n x , y\n", {{"A", " B"}, {" x ", " y"}}},
        {"A,B\n1\n", {{"A", "B"}}, "csv_row_length"},
        {"A\n1,2\n", {{"A"}}, "csv_row_length"},
        {"A\nx\"y\n", {{"A"}}, "csv_stray_quote"},
        {"A\n\"x\"y\n", {{"A"}}, "csv_stray_quote"},
        {"A\n\"x\" \n", {{"A"}}, "csv_stray_quote"},
        {"A\nx\ry\n", {{"A"}}, "csv_stray_return"},
        {"A\nx\r", {{"A"}}, "csv_stray_return"},
        {"A\n\"x\n", {{"A"}}, "csv_quote_open"},
    };
    for (const auto& sample : samples) {
        for (const std::size_t piece : {1, 2, 3, 7, 1000}) {
            const auto got = read(sample.bytes, piece);
            CAPTURE(sample.bytes);
            CAPTURE(piece);
            CHECK(got.rows == sample.rows);
            CHECK(got.error == sample.error);
        }
    }
}

TEST_CASE("CSV over a limit is refused by name before it is held") {
    CsvLimits limits;
    limits.field_bytes = 10;
    limits.row_bytes = 15;
    limits.columns = 3;
    CHECK(read("A\n12345678901\n", 1, limits).error == "csv_field_too_long");
    CHECK(read("A\n\"12345678901\n", 1, limits).error == "csv_field_too_long");
    CHECK(read("A,B\n12345678,12345678\n", 1, limits).error == "csv_row_too_long");
    CHECK(read("A,B,C,D\n", 1, limits).error == "csv_too_many_columns");
    CHECK(read("A,B\n1234567890,12345\n", 1, limits).error.empty());
}

TEST_CASE("an error of CSV names its line") {
    CsvReader reader;
    REQUIRE(reader.feed("A\n\"two\nlines\"\r\n").has_value());
    const auto wrong = reader.feed("4,5\n");
    REQUIRE(wrong.has_error());
    CHECK(wrong.error().fault == Fault::bad_input);
    CHECK(wrong.error().message.starts_with("Line 4 "));
}

TEST_CASE("a field is found by its column's name, whatever its case") {
    CsvReader reader;
    REQUIRE(reader.feed("Id,Name\n1,Ada\n2,\n").has_value());
    const auto page = reader.take();
    CHECK(page[0].text("NAME") == "Ada");
    CHECK(page[1].text("name") == "");
    CHECK_FALSE(page[0].text("Other").has_value());
    CHECK(reader.take().empty());
}

TEST_CASE("whatever is written as CSV is read as it was") {
    constexpr std::string_view letters = "ab,\"\n\r \xc3\xa9#'\t";
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 dice{seed};
    for (int round = 0; round < 400; ++round) {
        const std::size_t columns = 1 + dice() % 4;
        Rows rows;
        std::string bytes;
        for (std::size_t i = 0; i < 1 + dice() % 5; ++i) {
            auto& row = rows.emplace_back();
            for (std::size_t j = 0; j < columns; ++j) {
                auto& field = row.emplace_back();
                for (std::size_t k = dice() % 6; k > 0; --k)
                    field += letters[dice() % letters.size()];
            }
            put_csv_row(bytes, row);
        }
        CAPTURE(bytes);
        CHECK(read(bytes, 1 + dice() % 9) == Read{rows, ""});
    }
}

TEST_CASE("bytes of any kind never make a reader do more than refuse them") {
    constexpr std::string_view letters = "a,\"\n\r\xef\xbb\xbf";
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 dice{seed};
    for (int round = 0; round < 3000; ++round) {
        std::string bytes;
        for (std::size_t k = dice() % 24; k > 0; --k) bytes += letters[dice() % letters.size()];
        CAPTURE(bytes);
        // In whatever pieces they come, they mean the same; and what was read can be written again.
        const auto whole = read(bytes);
        CHECK(read(bytes, 1 + dice() % 5) == whole);
        std::string again;
        for (const auto& row : whole.rows) put_csv_row(again, row);
        CHECK(read(again).rows == whole.rows);
    }
}

}  // namespace latchkey
