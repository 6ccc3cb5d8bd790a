#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "emulator/data/periods.h"
#include "emulator/data/soql.h"
#include "emulator/data/soql_lex.h"
#include "emulator/data/values.h"

namespace latchkey::emulator::rest {
namespace {

using Kind = SoqlTokenKind;

/// Names a field or object cannot have, so that a missing name is noticed where it is missing.
constexpr std::array<std::string_view, 14> reserved = {"SELECT", "FROM", "WHERE", "AND",   "OR",
                                                       "NOT",    "LIKE", "IN",    "LIMIT", "NULLS",
                                                       "ASC",    "DESC", "NULL",  "HAVING"};

/// Parts of SOQL that Salesforce knows and this org does not.
constexpr std::array<std::string_view, 12> unserved = {"GROUP", "HAVING", "WITH",     "FOR",
                                                       "USING", "TYPEOF", "INCLUDES", "EXCLUDES",
                                                       "SUM",   "AVG",    "MIN",      "MAX"};

/// Recursive descent. The first error is kept in `error_`; every function returns at once when
/// there is one, and the lexer stands still at the end, so nothing can run away.
class Parser {
public:
    explicit Parser(std::string_view query) : query_(query), lexer_(query) { advance(); }

    Outcome<Soql> whole() {
        Soql soql;
        expect_word("SELECT");
        select_list(soql);
        expect_word("FROM");
        soql.object_at = token_.at;
        soql.object = name();
        if (take_word("WHERE")) soql.where = condition(0);
        if (take_word("ORDER")) {
            expect_word("BY");
            order_list(soql);
        }
        if (take_word("LIMIT")) soql.limit = count_of_rows();
        if (take_word("OFFSET")) soql.offset = count_of_rows();
        if (ok() && token_.kind != Kind::end) unexpected();
        if (error_) return *error_;
        return soql;
    }

private:
    bool ok() const { return !error_; }
    void advance() { token_ = lexer_.next(); }
    bool is_word(std::string_view word) const {
        return token_.kind == Kind::word && ascii_iequal(token_.raw, word);
    }
    bool is_symbol(std::string_view symbol) const {
        return token_.kind == Kind::symbol && token_.raw == symbol;
    }
    bool take_word(std::string_view word) {
        if (!ok() || !is_word(word)) return false;
        advance();
        return true;
    }
    bool take_symbol(std::string_view symbol) {
        if (!ok() || !is_symbol(symbol)) return false;
        advance();
        return true;
    }
    void expect_word(std::string_view word) {
        if (ok() && !take_word(word)) unexpected();
    }
    void expect_symbol(std::string_view symbol) {
        if (ok() && !take_symbol(symbol)) unexpected();
    }
    void fail(std::size_t at, std::string_view what) {
        if (ok()) error_ = soql_error("MALFORMED_QUERY", query_, at, what);
    }
    void unexpected() {
        const bool known = std::ranges::any_of(unserved, [&](auto w) { return is_word(w); });
        if (known) {
            fail(token_.at,
                 fmt::format("{} is not served by this emulator", printable(token_.raw, 32)));
            return;
        }
        const std::string_view shown = token_.kind == Kind::end ? "<EOF>" : token_.raw;
        fail(token_.at, fmt::format("unexpected token: '{}'", printable(shown, 64)));
    }

    std::string name() {
        const bool keyword = std::ranges::any_of(reserved, [&](auto w) { return is_word(w); });
        if (!ok() || token_.kind != Kind::word || keyword) {
            unexpected();
            return {};
        }
        std::string text(token_.raw);
        advance();
        return text;
    }

    SoqlPath path() {
        SoqlPath path;
        path.at = token_.at;
        path.names.push_back(name());
        while (take_symbol(".")) path.names.push_back(name());
        return path;
    }

    void select_list(Soql& soql) {
        do {
            if (is_symbol("(")) {
                fail(token_.at, "nested queries are not served by this emulator");
                return;
            }
            const SoqlToken first = token_;
            SoqlPath field = path();
            if (take_symbol("(")) {
                if (!call(soql, field, first)) return;
                if (soql.count) return;
            }
            soql.fields.push_back(std::move(field));
        } while (take_symbol(","));
    }

    /// What follows a function's opening bracket; only COUNT() alone and FIELDS(...) are there.
    bool call(Soql& soql, SoqlPath& field, const SoqlToken& first) {
        const bool single = field.names.size() == 1;
        if (single && ascii_iequal(first.raw, "COUNT") && soql.fields.empty() && is_symbol(")")) {
            soql.count = true;
            advance();
            return ok();
        }
        const bool group = is_word("ALL") || is_word("STANDARD") || is_word("CUSTOM");
        if (single && ascii_iequal(first.raw, "FIELDS") && group) {
            std::string which(token_.raw);
            for (char& c : which) c = static_cast<char>(c & ~0x20);
            field.names.front() = "FIELDS(" + which + ")";
            advance();
            expect_symbol(")");
            return ok();
        }
        fail(first.at,
             fmt::format("function {} is not served by this emulator", printable(first.raw, 32)));
        return false;
    }

    SoqlCondition condition(int depth) {
        SoqlCondition first = simple(depth);
        // Like Salesforce: AND and OR do not mix within one pair of brackets.
        const bool all = is_word("AND");
        if (!ok() || (!all && !is_word("OR"))) return first;
        SoqlCondition joined;
        joined.kind = all ? SoqlCondition::Kind::all : SoqlCondition::Kind::any;
        joined.parts.push_back(std::move(first));
        while (take_word(all ? "AND" : "OR")) joined.parts.push_back(simple(depth));
        return joined;
    }

    SoqlCondition simple(int depth) {
        SoqlCondition result;
        if (depth >= deepest_soql) {
            fail(token_.at, "the conditions are nested too deeply");
        } else if (take_word("NOT")) {
            result.kind = SoqlCondition::Kind::negation;
            result.parts.push_back(simple(depth + 1));
        } else if (take_symbol("(")) {
            result = condition(depth + 1);
            expect_symbol(")");
        } else if (ok()) {
            result = comparison();
        }
        return result;
    }

    SoqlCondition comparison() {
        SoqlCondition result;
        if (++conditions_ > most_conditions) {
            error_ = ApiError{400, "QUERY_TOO_COMPLICATED", "Query is too complicated."};
            return result;
        }
        result.field = path();
        if (!ok()) return result;
        const auto op = comparison_operator();
        if (!op) return result;
        result.op = *op;
        if (*op != SoqlOperator::in && *op != SoqlOperator::not_in) {
            result.values.push_back(literal());
            return result;
        }
        expect_symbol("(");
        if (is_word("SELECT")) fail(token_.at, "nested queries are not served by this emulator");
        do {
            result.values.push_back(literal());
        } while (take_symbol(","));
        expect_symbol(")");
        return result;
    }

    std::optional<SoqlOperator> comparison_operator() {
        using enum SoqlOperator;
        constexpr std::array<std::pair<std::string_view, SoqlOperator>, 7> symbols{
            {{"=", eq}, {"!=", ne}, {"<>", ne}, {"<", lt}, {">", gt}, {"<=", le}, {">=", ge}}};
        for (const auto& [symbol, op] : symbols) {
            if (take_symbol(symbol)) return op;
        }
        if (take_word("LIKE")) return like;
        if (take_word("IN")) return in;
        if (take_word("NOT")) {
            expect_word("IN");
            return not_in;
        }
        unexpected();
        return std::nullopt;
    }

    SoqlLiteral literal() {
        SoqlLiteral value;
        value.at = token_.at;
        if (!ok()) return value;
        if (token_.kind == Kind::text) {
            value.kind = SoqlLiteral::Kind::text;
            value.text = std::move(token_.text);
            value.pattern = std::move(token_.pattern);
        } else if (token_.kind == Kind::number) {
            number_or_time(value);
        } else if (is_word("true") || is_word("false")) {
            value.kind = SoqlLiteral::Kind::boolean;
            value.truth = is_word("true");
        } else if (token_.kind == Kind::word && known_period(token_.raw)) {
            period(value);
        } else if (!is_word("null")) {
            unexpected();
        }
        if (ok()) advance();
        return value;
    }

    void number_or_time(SoqlLiteral& value) {
        const std::string_view raw = token_.raw;
        if (const auto days = parse_date(raw)) {
            value.kind = SoqlLiteral::Kind::date;
            value.time = *days;
        } else if (const auto seconds = parse_datetime(raw)) {
            value.kind = SoqlLiteral::Kind::datetime;
            value.time = *seconds;
        } else if (const auto number = plain_number(raw)) {
            value.kind = SoqlLiteral::Kind::number;
            value.number = *number;
        } else {
            unexpected();
        }
    }

    static std::optional<double> plain_number(std::string_view raw) {
        if (raw.starts_with('+')) raw.remove_prefix(1);
        double number = 0;
        const auto [end, failed] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
        if (failed != std::errc{} || end != raw.data() + raw.size()) return std::nullopt;
        if (!std::isfinite(number)) return std::nullopt;
        return number;
    }

    /// Leaves the period's last token to be taken by the caller.
    void period(SoqlLiteral& value) {
        value.kind = SoqlLiteral::Kind::period;
        value.text = std::string(token_.raw);
        for (char& c : value.text) {
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        }
        if (!value.text.ends_with("_N_DAYS")) return;
        advance();
        expect_symbol(":");
        const auto n = plain_number(token_.raw);
        if (token_.kind != Kind::number || !n || *n < 0 || *n > 100'000 || *n != std::floor(*n)) {
            unexpected();
            return;
        }
        value.number = *n;
    }

    void order_list(Soql& soql) {
        do {
            SoqlOrder order;
            order.field = path();
            if (take_word("DESC")) {
                order.descending = true;
            } else {
                take_word("ASC");
            }
            if (take_word("NULLS")) {
                order.nulls_last = take_word("LAST");
                if (!order.nulls_last) expect_word("FIRST");
            }
            soql.order.push_back(std::move(order));
            if (soql.order.size() > 32) fail(token_.at, "maximum number of ORDER BY fields is 32");
        } while (take_symbol(","));
    }

    std::int64_t count_of_rows() {
        std::int64_t rows = 0;
        const std::string_view raw = token_.raw;
        const auto [end, failed] = std::from_chars(raw.data(), raw.data() + raw.size(), rows);
        const bool whole = failed == std::errc{} && end == raw.data() + raw.size();
        if (!ok() || token_.kind != Kind::number || !whole || rows < 0) {
            unexpected();
            return 0;
        }
        advance();
        return rows;
    }

    std::string_view query_;
    SoqlLexer lexer_;
    SoqlToken token_;
    std::optional<ApiError> error_;
    std::size_t conditions_ = 0;
};

}  // namespace

Outcome<Soql> parse_soql(std::string_view text) {
    if (text.size() > longest_soql) {
        return ApiError{
            400, "MALFORMED_QUERY",
            fmt::format("SOQL statements cannot be longer than {} characters.", longest_soql)};
    }
    if (std::ranges::all_of(text, [](char c) { return c == ' '; })) {
        return ApiError{400, "MALFORMED_QUERY", "SOQL statements cannot be empty."};
    }
    return Parser(text).whole();
}

ApiError soql_error(std::string code, std::string_view query, std::size_t at,
                    std::string_view what) {
    at = std::min(at, query.size());
    const std::size_t newline = query.substr(0, at).rfind('\n');
    const std::size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
    const auto row = 1 + std::count(query.begin(), query.begin() + static_cast<long>(at), '\n');
    const std::size_t column = at - line_start + 1;

    const std::size_t from = std::max(line_start, at - std::min<std::size_t>(at, 40));
    const std::size_t line_end = std::min(query.find('\n', at), query.size());
    const std::string shown = printable(query.substr(from, std::min(line_end, at + 30) - from), 80);
    return {400, std::move(code),
            fmt::format("\n{}\n{:>{}}\nERROR at Row:{}:Column:{}\n{}", shown, '^', at - from + 1,
                        row, column, what)};
}

}  // namespace latchkey::emulator::rest
