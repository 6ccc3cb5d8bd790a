#include "access/record_references.h"

#include "access/call_path.h"
#include "base/text.h"

namespace latchkey {

namespace {

constexpr std::string_view opening = "@{";
constexpr std::string_view not_made_yet = "000000000000000AAA";
constexpr std::size_t of_object = 5;  // services, data, version, sobjects, object
constexpr std::size_t of_record = 6;

/// Fields alone do not change which record is meant.
bool names_fields_only(std::string_view query) {
    return query.empty() ||
           (query.starts_with("fields=") && query.find('&') == std::string_view::npos);
}

}  // namespace

bool RecordReferences::add(std::string_view name) {
    return names_.insert(ascii_lower(name)).second;
}

void RecordReferences::learn(std::string_view name, std::string_view method,
                             const std::vector<std::string>& segments, std::string_view query) {
    if (segments.size() < of_object || segments[0] != "services" || segments[1] != "data" ||
        segments[3] != "sobjects" || !is_api_name(segments[4]))
        return;
    if (method == "POST" && segments.size() == of_object && query.empty())
        ids_.emplace(name, not_made_yet);
    if (method == "GET" && segments.size() == of_record && is_record_id(segments[5]) &&
        names_fields_only(query))
        ids_.emplace(name, segments[5]);
}

std::optional<std::string> RecordReferences::resolve(std::string_view text) const {
    std::string out;
    for (;;) {
        const auto begin = text.find(opening);
        out.append(text.substr(0, begin));
        if (begin == std::string_view::npos) break;
        text.remove_prefix(begin + opening.size());
        const auto end = text.find('}');
        if (end == std::string_view::npos) return std::nullopt;
        const auto reference = text.substr(0, end);
        const auto dot = reference.find('.');
        if (dot == std::string_view::npos || !ascii_iequal(reference.substr(dot + 1), "id"))
            return std::nullopt;
        const auto known = ids_.find(reference.substr(0, dot));
        if (known == ids_.end()) return std::nullopt;
        out.append(known->second);
        text.remove_prefix(end + 1);
    }
    // Spelled with escapes, or put together by what was put in: nobody knows who reads it when.
    const auto decoded = percent_decode(out);
    if (!decoded || decoded->find(opening) != std::string::npos) return std::nullopt;
    return out;
}

}  // namespace latchkey
