#include "facade/carried_desk.h"

#include <algorithm>
#include <string>
#include <utility>

#include "access/carried_calls.h"
#include "base/text.h"
#include "gateway/path_rules.h"

namespace latchkey {

namespace {

/// Whether a body with these lines is read as UTF-8 JSON by whoever gets it.
bool plain_json(const std::vector<HeadLine>& lines) {
    int types = 0;
    for (const auto& line : lines) {
        if (ascii_iequal(line.name, "Content-Encoding") && !ascii_iequal(line.value, "identity"))
            return false;
        if (!ascii_iequal(line.name, "Content-Type")) continue;
        auto value = ascii_lower(line.value);
        std::erase_if(value, [](char c) { return c == ' ' || c == '\t' || c == '"'; });
        if (++types > 1 ||
            (value != "application/json" && value != "application/json;charset=utf-8"))
            return false;
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
    if (!body) return composite_unreadable("Its body may have 256 KiB. Send it in parts.");
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
