#include "oauth/token_answer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "oauth/json_members.h"
#include "oauth/token_text.h"

namespace latchkey::oauth {
namespace {

constexpr std::size_t body_limit = 1024 * 1024;
constexpr std::size_t error_body_limit = 64 * 1024;
constexpr double longest_life = 10.0 * 365 * 24 * 3600;

bool only_blanks(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// The token in a member; empty if there is no such member or no token in it.
Secret token_in(const Members& members, std::string_view name) {
    const Member* member = members.find(name);
    if (member == nullptr) return {};
    auto text = string_of(*member);
    if (!text) return {};
    Secret token = Secret::take(std::move(*text));
    return is_token_text(token.reveal()) ? token : Secret{};
}

std::string text_in(const Members& members, std::string_view name) {
    const Member* member = members.find(name);
    if (member == nullptr) return {};
    return string_of(*member).value_or(std::string{});
}

/// Milliseconds come as a string from most of Salesforce and as a number from some of it; the
/// signature is over their digits.
std::string digits_in(const Members& members, std::string_view name) {
    const Member* member = members.find(name);
    if (member == nullptr || member->kind != Member::Kind::number) return text_in(members, name);
    const bool whole = std::all_of(member->text.begin(), member->text.end(),
                                   [](char c) { return c >= '0' && c <= '9'; });
    return whole ? std::string{member->text} : std::string{};
}

std::optional<std::int64_t> life_in(const Members& members, std::string_view name) {
    const Member* member = members.find(name);
    if (member == nullptr) return std::nullopt;
    std::string text{member->text};
    if (member->kind == Member::Kind::string) text = string_of(*member).value_or(std::string{});
    // As a floating-point number first: nothing overflows, and 3600.0 and 3.6e3 are what they say.
    double seconds = 0;
    const auto end = text.data() + text.size();
    const auto [stopped, failed] = std::from_chars(text.data(), end, seconds);
    if (failed != std::errc{} || stopped != end || !std::isfinite(seconds)) return std::nullopt;
    if (seconds < 1 || seconds > longest_life) return std::nullopt;
    return static_cast<std::int64_t>(seconds);
}

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> list;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0) list.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return list;
}

ReadAnswer unreadable(const char* why) {
    ReadAnswer read;
    read.what_is_wrong = why;
    return read;
}

TokenAnswer everything(const Members& members) {
    TokenAnswer answer;
    answer.token_type = text_in(members, "token_type");
    answer.id = text_in(members, "id");
    answer.issued_at = digits_in(members, "issued_at");
    answer.signature = text_in(members, "signature");
    answer.expires_in = life_in(members, "expires_in");
    if (auto id_token = token_in(members, "id_token"); !id_token.empty()) {
        answer.id_token = std::move(id_token);
    }
    if (const Member* scope = members.find("scope");
        scope != nullptr && scope->kind == Member::Kind::string) {
        answer.scopes_said = true;
        answer.scopes = words(text_in(members, "scope"));
    }
    return answer;
}

OAuthError in_object(const Members& members) {
    OAuthError read;
    auto error = text_in(members, "error");
    auto description = text_in(members, "error_description");
    // The shape of REST errors, which some of Salesforce's front ends answer with at any path.
    if (error.empty()) error = text_in(members, "errorCode");
    if (description.empty()) description = text_in(members, "message");
    read.error = printable(error, 64);
    read.description = printable(description);
    return read;
}

OAuthError in_form(std::string_view body) {
    OAuthError read;
    const auto fields = parse_form(body);
    if (!fields) return read;
    const auto error = only(*fields, "error");
    if (!error) return read;
    read.error = printable(*error, 64);
    read.description = printable(only(*fields, "error_description").value_or(std::string{}));
    return read;
}

bool one_word(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
}

}  // namespace

ReadAnswer read_token_answer(std::string_view body, bool whole) {
    if (body.size() > body_limit) return unreadable("The answer is over 1 MiB.");
    const Members members = scan_members(body);
    if (members.list.empty()) return unreadable("The answer is not a JSON object.");
    if (members.conflict) return unreadable("A member stands twice with different values.");

    Secret refresh_token = token_in(members, "refresh_token");
    if (refresh_token.empty() && members.find("refresh_token") != nullptr) {
        return unreadable("The refresh token is not a text that can be one.");
    }

    ReadAnswer read;
    const bool sound = whole && members.sound && only_blanks(members.rest);
    if (sound) {
        read.shape = AnswerShape::whole;
        read.answer = everything(members);
    } else {
        if (refresh_token.empty()) {
            return unreadable("The answer is cut or malformed and has no complete refresh token.");
        }
        // What could not be read may hold a second refresh token, and then which is the right one?
        // The quotes make it a name: the scope "refresh_token api" stands in every answer.
        if (members.rest.find("\"refresh_token\"") != std::string_view::npos) {
            return unreadable("The answer is malformed and may hold a second refresh token.");
        }
        read.shape = AnswerShape::salvaged;
        read.what_is_wrong = "The answer is cut or malformed behind a complete refresh token.";
    }
    read.answer.access_token = token_in(members, "access_token");
    read.answer.instance_url = text_in(members, "instance_url");
    if (!refresh_token.empty()) read.answer.refresh_token = std::move(refresh_token);
    return read;
}

OAuthError read_oauth_error(std::string_view body) {
    if (body.size() > error_body_limit) return {};
    const auto start = body.find_first_not_of(" \t\r\n\xef\xbb\xbf");
    if (start == std::string_view::npos) return {};
    const auto end = body.find_last_not_of(" \t\r\n");
    const auto text = body.substr(start, end + 1 - start);

    if (text.front() == '{' || text.front() == '[') {
        const bool list = text.front() == '[';
        const Members members = scan_members(list ? text.substr(1) : text);
        if (!members.sound || members.conflict) return {};
        // Of an array, the first element; whatever follows it must look like the array going on.
        const auto behind = members.rest.find_first_not_of(" \t\r\n");
        const bool finished = behind == std::string_view::npos;
        const bool goes_on =
            !finished && (members.rest[behind] == ']' || members.rest[behind] == ',');
        if (list ? !goes_on || text.back() != ']' : !finished) return {};
        return in_object(members);
    }
    if (text.find('=') != std::string_view::npos && text.front() != '<') return in_form(text);
    OAuthError read;
    if (one_word(text)) read.error = text;
    return read;
}

}  // namespace latchkey::oauth
