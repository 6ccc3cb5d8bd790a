#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "access/call_path.h"
#include "access/carried_calls.h"
#include "tests/fuzz/judge.h"

namespace {

using namespace latchkey;
namespace json = boost::json;

bool has(const std::vector<CarriedCall>& calls, std::string_view method,
         const std::string& target) {
    return std::any_of(calls.begin(), calls.end(), [&](const CarriedCall& call) {
        return call.method == method && call.target == target;
    });
}

/// The calls of a list, as another reader understands it: none of them may have been missed.
void judge_list(const json::value& list, const std::vector<CarriedCall>& calls) {
    for (const auto& one : list.as_array()) {
        const auto method = std::string_view{one.at("method").as_string()};
        const std::string url{one.at("url").as_string()};
        if (url.find("@{") != std::string::npos) continue;
        LATCHKEY_HOLDS(has(calls, method, url) || has(calls, method, "/services/data/" + url));
    }
}

void judge_records(const Carrier& carrier, std::string_view method, const json::value& list,
                   const std::vector<CarriedCall>& calls) {
    for (const auto& one : list.as_array()) {
        const std::string type{one.at("attributes").at("type").as_string()};
        const auto path = carrier.base + "/sobjects/" + type;
        if (method == "POST") LATCHKEY_HOLDS(has(calls, method, path));
        const auto& record = one.as_object();
        for (const char* name : {"id", "Id", "ID"}) {
            if (method != "PATCH" || !record.contains(name)) continue;
            LATCHKEY_HOLDS(
                has(calls, method, path + "/" + std::string{record.at(name).as_string()}));
        }
    }
}

}  // namespace

/// A method and a path on the first line, then a body. Whatever is read of it, another reader of JSON,
/// which keeps the last of two equal members, finds no call and no record that was not read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto line = bytes.substr(0, bytes.find('\n'));
    const auto body = bytes.substr(std::min(line.size() + 1, bytes.size()));
    const auto method = line.substr(0, line.find(' '));
    const auto path = line.substr(std::min(method.size() + 1, line.size()));
    if (!path.starts_with('/')) return 0;
    const auto carrier = carrier_of(method, split_path(path));
    if (!carrier) return 0;
    const auto calls = carried_calls(*carrier, method, {}, body);
    if (!calls) {
        LATCHKEY_HOLDS(calls.error().code == "composite_unreadable");
        return 0;
    }
    LATCHKEY_HOLDS(!calls->empty() && calls->size() <= most_carried_calls);
    json::parse_options options;
    options.max_depth = 2000;
    const auto parsed = json::parse(body, {}, options);
    using Kind = Carrier::Kind;
    switch (carrier->kind) {
        case Kind::composite:
            judge_list(parsed.at("compositeRequest"), *calls);
            break;
        case Kind::batch:
            judge_list(parsed.at("batchRequests"), *calls);
            break;
        case Kind::graph:
            for (const auto& graph : parsed.at("graphs").as_array())
                judge_list(graph.at("compositeRequest"), *calls);
            break;
        case Kind::records:
        case Kind::tree:
            judge_records(*carrier, method, parsed.at("records"), *calls);
            break;
        case Kind::retrieved:
            LATCHKEY_HOLDS(calls->size() <= parsed.at("ids").as_array().size());
            break;
        case Kind::upserted:
            LATCHKEY_HOLDS(calls->size() <= parsed.at("records").as_array().size());
            break;
    }
    return 0;
}
