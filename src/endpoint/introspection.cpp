#include "endpoint/introspection.h"

#include <charconv>
#include <cstdint>

#include "oauth/json_members.h"
#include "oauth/token_answer.h"

namespace latchkey {
namespace {

// Year 9999: later ones cannot be written as RFC 3339.
constexpr std::int64_t latest = 253402300799;

std::optional<WallTime> time_in(const oauth::Members& members, std::string_view name) {
    const auto* member = members.find(name);
    if (member == nullptr || member->kind != oauth::Member::Kind::number) return std::nullopt;
    std::int64_t seconds = 0;
    const auto end = member->text.data() + member->text.size();
    const auto read = std::from_chars(member->text.data(), end, seconds);
    if (read.ec != std::errc{} || read.ptr != end || seconds < 1 || seconds > latest) {
        return std::nullopt;
    }
    return WallTime{std::chrono::seconds{seconds}};
}

}  // namespace

std::optional<Introspection> read_introspection(std::string_view body) {
    const auto members = oauth::scan_members(body);
    const bool more = members.rest.find_first_not_of(" \t\r\n") != std::string_view::npos;
    if (!members.sound || members.conflict || more) return std::nullopt;
    const auto* active = members.find("active");
    if (active == nullptr || active->kind != oauth::Member::Kind::literal) return std::nullopt;
    if (active->text != "true" && active->text != "false") return std::nullopt;
    Introspection said;
    said.active = active->text == "true";
    if (said.active) said.expires_at = time_in(members, "exp");
    return said;
}

bool refuses_introspection(int status, std::string_view body) {
    // 404, 405 and 501: the server has no such endpoint, which is final in the same way.
    if (status == 401 || status == 403 || status == 404 || status == 405 || status == 501) {
        return true;
    }
    if (status != 400) return false;
    const auto said = oauth::read_oauth_error(body);
    return said.error == "invalid_client" || said.error == "invalid_client_id" ||
           said.error == "unauthorized_client" || said.error == "access_denied" ||
           said.error == "insufficient_scope";
}

}  // namespace latchkey
