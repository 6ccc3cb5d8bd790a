#include "facade/carried_desk.h"

#include <algorithm>
#include <string>
#include <utility>

#include "access/carried_calls.h"
#include "base/text.h"
#include "gateway/path_rules.h"

namespace latchkey {

namespace {

std::string_view trimmed(std::string_view text) {
    const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
    const auto end = text.find_last_not_of(" \t") + 1;
    return text.substr(begin, std::max(begin, end) - begin);
}

bool is_utf8_json(std::string_view type) {
    const auto end = std::min(type.find(';'), type.size());
    if (!ascii_iequal(trimmed(type.substr(0, end)), "application/json")) return false;
    const auto more = trimmed(type.substr(std::min(end + 1, type.size())));
    return more.empty() || ascii_iequal(more, "charset=utf-8") ||
           ascii_iequal(more, "charset=\"utf-8\"");
}

/// Whether a body with these lines is read as JSON in UTF-8 by whoever gets it.
bool plain_json(const std::vector<HeadLine>& lines) {
    int types = 0;
    for (const auto& line : lines) {
        if (ascii_iequal(line.name, "Content-Encoding") && !ascii_iequal(line.value, "identity"))
            return false;
        // What it names does not go up.
        if (ascii_iequal(line.name, "Connection") &&
            ascii_lower(line.value).find("content-") != std::string::npos)
            return false;
        if (!ascii_iequal(line.name, "Content-Type")) continue;
        if (++types > 1 || !is_utf8_json(line.value)) return false;
    }
    return types == 1;
}

Result<void> judge_one(const KeyGate& gate, const CarriedCall& call) {
    // Rules are sound only for what the gateway's own let pass.
    auto plain = check_method(call.method);
    if (plain) plain = check_target(call.target);
    if (!plain) return plain;
    const auto judged = gate.judge(call.method, call.target);
    if (!judged) return judged.error();
    if (judged->carrier && !call.carries)
        return composite_unreadable("It carries another composite request.");
    return {};
}

}  // namespace

Result<void> judge_carried(const CarrierCall& call, const std::vector<HeadLine>& lines,
                           std::string_view target, std::optional<std::string_view> body) {
    if (!body) return composite_unreadable("Its body may have 1 MiB. Send it in parts.");
    if (!body->empty() && !plain_json(lines))
        return composite_unreadable(
            "Send it as \"Content-Type: application/json\", in UTF-8 and not compressed.");
    const auto mark = std::min(target.find('?'), target.size());
    const auto query = target.substr(std::min(mark + 1, target.size()));
    const auto calls = carried_calls(*call.judged.carrier, call.judged.method, query, *body);
    if (!calls) return calls.error();
    for (const auto& one : *calls) {
        auto good = judge_one(*call.gate, one);
        if (good) continue;
        auto error = good.error();
        error.message =
            "Number " + std::to_string(one.place) + " in this composite request: " + error.message;
        return error;
    }
    return {};
}

}  // namespace latchkey
