#include "cli/output.h"

#include <algorithm>
#include <iostream>

#include <boost/json.hpp>

#include "base/text.h"

namespace latchkey::cli {
namespace {

/// Terminals obey control bytes; UTF-8 text passes.
std::string shown(const std::string& text) {
    std::string out{text};
    std::replace_if(
        out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    return out;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
    return out;
}

}  // namespace

void print_table(const std::vector<std::string>& heads,
                 const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& head : heads) widths.push_back(head.size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    const auto line = [&](const std::vector<std::string>& cells) {
        std::string out;
        for (std::size_t i = 0; i < heads.size(); ++i) {
            auto cell = i < cells.size() ? shown(cells[i]) : std::string{};
            if (i + 1 < heads.size()) cell.resize(std::max(cell.size(), widths[i] + 2), ' ');
            out += cell;
        }
        std::cout << out << "\n";
    };
    line(heads);
    for (const auto& row : rows) line(row);
}

void print_json(const boost::json::value& value) {
    std::cout << boost::json::serialize(value) << "\n";
}

boost::json::object to_json(const Connection& c) {
    boost::json::object out{{"id", c.id.text},
                            {"end_user", c.end_user},
                            {"provider", c.provider.text},
                            {"standing", name(c.standing)}};
    if (!c.reason.empty()) out["reason"] = c.reason;
    out["org_id"] = c.org_id;
    out["user_id"] = c.user_id;
    out["username"] = c.username;
    out["instance_url"] = c.instance_url;
    out["scopes"] = boost::json::array(c.scopes.begin(), c.scopes.end());
    out["generation"] = c.generation.value;
    out["connected_at"] = rfc3339(c.connected_at);
    if (c.refreshed_at) out["refreshed_at"] = rfc3339(*c.refreshed_at);
    return out;
}

boost::json::object to_json(const KeyRules& rules) {
    boost::json::array paths;
    for (const auto& rule : rules.paths) paths.emplace_back(rule.text());
    boost::json::object limits;
    if (rules.limits.rate > 0) limits["rate"] = rules.limits.rate;
    if (rules.limits.burst > 0) limits["burst"] = rules.limits.burst;
    if (rules.limits.concurrency > 0) limits["concurrency"] = rules.limits.concurrency;
    return {{"rules", std::move(paths)},
            {"limits", std::move(limits)},
            {"priority", name(rules.priority)}};
}

boost::json::object to_json(const ApiKey& key) {
    boost::json::array may;
    for (const auto permission : key.permissions) may.emplace_back(name(permission));
    boost::json::object out{{"id", key.id.text},
                            {"label", key.label},
                            {"permissions", std::move(may)},
                            {"created_at", rfc3339(key.created_at)}};
    for (auto& member : to_json(key.rules)) out[member.key()] = std::move(member.value());
    if (key.revoked_at) out["revoked_at"] = rfc3339(*key.revoked_at);
    return out;
}

void print_connection(const Connection& c) {
    const auto standing =
        std::string{name(c.standing)} + (c.reason.empty() ? "" : " (" + c.reason + ")");
    print_table({"connection", c.id.text},
                {{"end user", c.end_user},
                 {"standing", standing},
                 {"Salesforce user", c.username.empty() ? c.user_id : c.username},
                 {"org", c.org_id},
                 {"instance", c.instance_url},
                 {"provider", c.provider.text},
                 {"scopes", joined(c.scopes)},
                 {"generation", std::to_string(c.generation.value)},
                 {"connected", rfc3339(c.connected_at)},
                 {"refreshed", c.refreshed_at ? rfc3339(*c.refreshed_at) : "-"}});
}

int fail(const Error& error, bool json) {
    if (json)
        print_json({{"error", error.code},
                    {"message", error.message},
                    {"act", name(error.fault)},
                    {"remote_text", error.remote_text}});
    else {
        std::cerr << "latchkey: " << error.message << " [" << error.code << "]\n";
        if (!error.remote_text.empty())
            std::cerr << "The other side said: " << printable(error.remote_text) << "\n";
    }
    if (error.fault == Fault::reauthorize) return 3;
    return error.fault == Fault::bad_input ? 2 : 1;
}

}  // namespace latchkey::cli
