#include "access/carried_calls.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "access/call_method.h"
#include "access/call_path.h"
#include "access/carried_records.h"
#include "access/record_references.h"
#include "access/strict_members.h"
#include "base/text.h"

namespace latchkey {

namespace {

/// A list of calls where later ones may refer to earlier ones, or one where they may not.
using References = std::optional<RecordReferences>;

/// What a batch writes is a whole path, or goes on behind the root of all versions.
std::optional<std::string> batch_target(std::string_view url) {
    if (url.starts_with('/')) return std::string{url};
    if (url.starts_with("services/data/")) return "/" + std::string{url};
    const bool version = url.size() > 1 && url[0] == 'v' && url[1] >= '0' && url[1] <= '9';
    if (!version) return std::nullopt;
    return "/services/data/" + std::string{url};
}

/// Whether a call's own header lines leave its method alone.
bool keep_method(const std::optional<Json>& lines) {
    simdjson::dom::object object;
    if (!lines || lines->is_null()) return true;
    if (lines->get(object)) return false;
    for (const auto& line : object)
        if (ascii_lower(line.key).find("method") != std::string::npos) return false;
    return true;
}

/// One of the list's calls, as it is written.
struct Written {
    std::string_view method;
    std::string_view name;  ///< empty in a batch
    std::string target;
    std::optional<Json> body;
};

Result<Written> read_of_batch(Json from) {
    constexpr std::array<std::string_view, 3> names = {"method", "url", "richInput"};
    const auto members = strict_members(from, names);
    const auto method = members ? text_of((*members)[0]) : std::nullopt;
    const auto url = members ? text_of((*members)[1]) : std::nullopt;
    auto target = url ? batch_target(*url) : std::nullopt;
    if (!method || !target)
        return composite_unreadable(
            "Each of its calls is an object with \"method\", \"url\" (vN.N/... or "
            "/services/data/vN.N/...) and \"richInput\", once each and nothing else.");
    return Written{*method, {}, std::move(*target), (*members)[2]};
}

Result<Written> read_of_composite(Json from, const RecordReferences& references) {
    constexpr std::array<std::string_view, 5> names = {"method", "url", "referenceId", "body",
                                                       "httpHeaders"};
    const auto members = strict_members(from, names);
    const auto method = members ? text_of((*members)[0]) : std::nullopt;
    const auto url = members ? text_of((*members)[1]) : std::nullopt;
    const auto name = members ? text_of((*members)[2]) : std::nullopt;
    if (!method || !url || !name || !is_api_name(*name) || !keep_method((*members)[4]))
        return composite_unreadable(
            "Each of its calls is an object with \"method\", \"url\", \"referenceId\" (letters, "
            "digits and _), \"body\" and \"httpHeaders\", once each and nothing else.");
    auto target = references.resolve(*url);
    if (!target)
        return composite_unreadable(
            "A URL in it may refer to an earlier call by @{referenceId.id} alone, where that call "
            "makes a record (POST .../sobjects/{object}) or reads one (GET "
            ".../sobjects/{object}/{id}).");
    return Written{*method, *name, std::move(*target), (*members)[3]};
}

class Reading {
public:
    explicit Reading(CallList& calls) : calls_(calls) {}

    Result<void> read(const Carrier& carrier, Json body) {
        using Kind = Carrier::Kind;
        if (carrier.kind == Kind::batch) {
            constexpr std::array<std::string_view, 2> names = {"batchRequests", "haltOnError"};
            return read_list(strict_members(body, names), References{});
        }
        if (carrier.kind == Kind::composite) {
            constexpr std::array<std::string_view, 3> names = {"compositeRequest", "allOrNone",
                                                               "collateSubrequests"};
            return read_list(strict_members(body, names), RecordReferences{});
        }
        constexpr std::array<std::string_view, 1> names = {"graphs"};
        const auto members = strict_members(body, names);
        const auto graphs = members ? list_of((*members)[0]) : std::nullopt;
        if (!graphs) return composite_unreadable("It has one member \"graphs\", which is a list.");
        for (const auto graph : *graphs) {
            constexpr std::array<std::string_view, 2> of_graph = {"compositeRequest", "graphId"};
            auto good = read_list(strict_members(graph, of_graph), RecordReferences{});
            if (!good) return good;
        }
        return {};
    }

private:
    /// The first of the members is the list.
    template <class Members>
    Result<void> read_list(const Members& members, References references) {
        const auto list = members ? list_of((*members)[0]) : std::nullopt;
        if (!list)
            return composite_unreadable(
                "Beside its list of calls (\"compositeRequest\", \"batchRequests\") it may have "
                "what "
                "Salesforce's guide names (\"allOrNone\", \"collateSubrequests\", \"haltOnError\", "
                "\"graphId\"), once each and nothing else.");
        for (const auto one : *list) {
            calls_.next_place();
            auto good = read_call(one, references);
            if (!good) return good;
        }
        return {};
    }

    Result<void> read_call(Json from, References& references) {
        auto written = references ? read_of_composite(from, *references) : read_of_batch(from);
        if (!written) return written.error();
        if (references && !references->add(written->name))
            return composite_unreadable("Two of its calls have the same referenceId.");
        const std::string_view target = written->target;
        const auto mark = std::min(target.find('?'), target.size());
        const auto query = target.substr(std::min(mark + 1, target.size()));
        const auto path = percent_decode(target.substr(0, mark));
        const auto methods = methods_of(written->method, query);
        const auto method = methods ? sole_method(*methods) : std::nullopt;
        // Whoever takes a URL out of a body may decode it first and look for its query then.
        const bool plain = path && path->find_first_of("?#&%") == std::string::npos;
        if (!plain || !method)
            return composite_unreadable(
                "Each of its calls has one method (GET, POST, PUT, PATCH or DELETE) and a plain "
                "URL.");
        const auto segments = split_path(*path);
        const auto carrier = carrier_of(*method, segments);
        if (carrier && carrier->carries_calls())
            return composite_unreadable("A call in it is a composite request itself.");
        auto good = calls_.add(written->method, written->target, carrier.has_value());
        if (!good) return good;
        if (carrier)
            return read_records({*carrier, *method, query, unless_null(written->body),
                                 references ? &*references : nullptr, false},
                                calls_);
        if (references) references->learn(written->name, *method, segments, query);
        return {};
    }

    CallList& calls_;
};

}  // namespace

Error composite_unreadable(std::string why) {
    return {
        Fault::bad_input, "composite_unreadable",
        "This API key has rules, so what a composite request carries is read before it is sent. " +
            std::move(why)};
}

Result<std::vector<CarriedCall>> carried_calls(const Carrier& carrier, std::string_view method,
                                               std::string_view query, std::string_view body) {
    if (body.size() > most_carried_bytes)
        return composite_unreadable("Its body may have 1 MiB. Send it in parts.");
    CallList calls;
    simdjson::dom::parser parser;
    std::optional<Json> parsed;
    if (!body.empty()) {
        Json root;
        if (parser.parse(body.data(), body.size()).get(root))
            return composite_unreadable("Its body must be JSON, as UTF-8.");
        parsed = root;
    }
    Result<void> good;
    if (!carrier.carries_calls())
        good = read_records({carrier, method, query, unless_null(parsed), nullptr, true}, calls);
    else if (parsed)
        good = Reading{calls}.read(carrier, *parsed);
    if (!good) return good.error();
    if (calls.list().empty()) return composite_unreadable("It carries nothing.");
    return std::move(calls).list();
}

}  // namespace latchkey
