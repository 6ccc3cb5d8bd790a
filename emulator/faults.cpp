#include "emulator/faults.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/text.h"

namespace latchkey::emulator {
namespace {

namespace json = boost::json;

constexpr std::size_t most_faults = 1000;
constexpr std::int64_t most_count = 1'000'000;
constexpr std::int64_t longest_delay_ms = 600'000;
constexpr std::int64_t longest_cut = 16'777'216;
constexpr auto known_fields = "path, count, when, status, headers, body, delay_ms, reset, cut_at";

Error wrong(const std::string& what) {
    const bool unknown = what.find("is not known") != std::string::npos;
    return {Fault::bad_input, unknown ? "unknown_field" : "wrong_value", what};
}

bool number_in(const json::value& value, std::int64_t from, std::int64_t to) {
    return value.is_int64() && value.get_int64() >= from && value.get_int64() <= to;
}

bool is_header_text(std::string_view text, bool is_name) {
    for (const char c : text) {
        if (c < 0x20 || c > 0x7e || (is_name && (c == ' ' || c == ':'))) return false;
    }
    return !is_name || !text.empty();
}

/// An empty text, or what is wrong with the field.
std::string read_field(std::string_view name, const json::value& value, FaultPlan& plan) {
    if (name == "path") {
        if (!value.is_string() || !value.get_string().starts_with('/')) {
            return "'path' must begin with a slash.";
        }
        plan.path = value.get_string();
    } else if (name == "count") {
        if (!number_in(value, 1, most_count)) return "'count' must be 1 to 1000000.";
        plan.count = value.get_int64();
    } else if (name == "when") {
        if (value != "before" && value != "after") return "'when' must be before or after.";
        plan.after = value == "after";
    } else if (name == "status") {
        if (!number_in(value, 200, 599)) return "'status' must be 200 to 599.";
        plan.status = static_cast<int>(value.get_int64());
    } else if (name == "headers") {
        if (!value.is_object()) return "'headers' must be an object of texts.";
        for (const auto& line : value.get_object()) {
            if (!line.value().is_string() || !is_header_text(line.key(), true) ||
                !is_header_text(line.value().get_string(), false)) {
                return "'headers' must be an object of texts.";
            }
            plan.headers.emplace_back(line.key(), line.value().get_string());
        }
    } else if (name == "body") {
        plan.body = value.is_string() ? std::string{value.get_string()} : json::serialize(value);
    } else if (name == "delay_ms") {
        if (!number_in(value, 0, longest_delay_ms)) return "'delay_ms' must be 0 to 600000.";
        plan.delay = std::chrono::milliseconds{value.get_int64()};
    } else if (name == "reset") {
        if (!value.is_bool()) return "'reset' must be true or false.";
        plan.reset = value.get_bool();
    } else if (name == "cut_at") {
        if (!number_in(value, 0, longest_cut)) return "'cut_at' must be a number of bytes.";
        plan.cut_at = static_cast<std::size_t>(value.get_int64());
    } else {
        return "'" + printable(name, 64) + "' is not known here; known are: " + known_fields;
    }
    return "";
}

}  // namespace

void FaultPlan::apply(Reply& reply) const {
    if (status) reply.status = *status;
    if (body) {
        reply.body = *body;
        const bool looks_like_json = body->starts_with('{') || body->starts_with('[');
        reply.headers.set("Content-Type", looks_like_json ? "application/json" : "text/html");
    }
    for (const auto& [name, value] : headers) reply.headers.set(name, value);
    if (reset) reply.reset = true;
    if (cut_at) reply.cut_at = cut_at;
}

Result<FaultPlan> read_fault(const json::object& wish) {
    FaultPlan plan;
    for (const auto& field : wish) {
        if (field.value().is_null()) continue;
        const std::string complaint = read_field(field.key(), field.value(), plan);
        if (!complaint.empty()) return wrong(complaint);
    }
    if (plan.path.empty()) return wrong("'path' is missing.");
    return plan;
}

json::object print_fault(const FaultPlan& plan) {
    json::object out;
    out["id"] = plan.id;
    out["path"] = plan.path;
    out["count"] = plan.count;
    out["when"] = plan.after ? "after" : "before";
    if (plan.status) out["status"] = *plan.status;
    if (!plan.headers.empty()) {
        json::object lines;
        for (const auto& [name, value] : plan.headers) lines[name] = value;
        out["headers"] = std::move(lines);
    }
    if (plan.body) out["body"] = *plan.body;
    if (plan.delay.count() > 0) out["delay_ms"] = plan.delay.count();
    if (plan.reset) out["reset"] = true;
    if (plan.cut_at) out["cut_at"] = *plan.cut_at;
    return out;
}

std::optional<FaultPlan> Faults::add(FaultPlan plan) {
    if (plans_.size() == most_faults) return std::nullopt;
    plan.id = next_++;
    plans_.push_back(plan);
    return plan;
}

std::optional<FaultPlan> Faults::take(std::string_view path) {
    for (auto plan = plans_.begin(); plan != plans_.end(); ++plan) {
        std::string_view stem = plan->path;
        while (stem.ends_with('/')) stem.remove_suffix(1);
        if (!path.starts_with(stem)) continue;
        if (path.size() > stem.size() && path[stem.size()] != '/') continue;
        FaultPlan taken = *plan;
        if (--plan->count == 0) plans_.erase(plan);
        return taken;
    }
    return std::nullopt;
}

}  // namespace latchkey::emulator
