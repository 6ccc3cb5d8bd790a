#include "access/carried_records.h"

#include <algorithm>
#include <array>
#include <utility>

#include "access/call_path.h"
#include "base/text.h"

namespace latchkey {

namespace {

using simdjson::dom::array;
using simdjson::dom::object;

constexpr int most_levels = 5;  // of records below records, as Salesforce has it

Error no_object() {
    return composite_unreadable(
        "Each record in it has one \"attributes\" with one \"type\": the name of an object, and "
        "the one "
        "in the URL if one is there.");
}

Error no_id() {
    return composite_unreadable(
        "Each record that it means has one id of 15 or 18 characters, or @{referenceId.id} of an "
        "earlier call that makes a record or reads one by its id.");
}

/// The object that a record is one of.
std::optional<std::string_view> object_of(object record) {
    std::optional<Json> attributes;
    std::optional<Json> type;
    object inner;
    if (!sole_member(record, "attributes", Spelling::exact, attributes) || !attributes ||
        attributes->get(inner) || !sole_member(inner, "type", Spelling::exact, type))
        return std::nullopt;
    const auto name = text_of(type);
    return name && is_api_name(*name) ? name : std::nullopt;
}

/// An external id as a segment of a path. What no path may have in it stands for nothing there that a
/// rule could mean.
std::string as_segment(std::string value) {
    if (value == "." || value == "..") return "_";
    for (auto& c : value)
        if (std::string_view{"/\\;%?#&"}.find(c) != std::string_view::npos) c = '_';
    return percent_encode(value);
}

struct RecordReader {
    const RecordCall& call;
    CallList& calls;

    void count_record() const {
        if (call.alone) calls.next_place();
    }
    std::string path_of(std::string_view object) const {
        return call.carrier.base + "/sobjects/" + std::string{object};
    }
    bool in_url(std::string_view object) const { return ascii_iequal(object, call.carrier.object); }

    /// An id, written out or referred to.
    std::optional<std::string> id_in(const std::optional<Json>& value) const {
        const auto text = text_of(value);
        if (!text) return std::nullopt;
        auto id = call.references == nullptr ? std::string{*text} : call.references->resolve(*text);
        return id && is_record_id(*id) ? id : std::nullopt;
    }

    Result<void> make(object record) const {
        const auto type = object_of(record);
        if (!type) return no_object();
        return calls.add("POST", path_of(*type));
    }

    Result<void> change(object record) const {
        const auto type = object_of(record);
        if (!type) return no_object();
        std::optional<Json> id;
        const bool sole = sole_member(record, "id", Spelling::any_case, id);
        const auto text = sole ? id_in(id) : std::nullopt;
        if (!text) return no_id();
        return calls.add("PATCH", path_of(*type) + "/" + *text);
    }

    Result<void> upsert(object record) const {
        const auto type = object_of(record);
        if (!type || !in_url(*type)) return no_object();
        auto path = path_of(call.carrier.object);
        std::optional<Json> value;
        if (!sole_member(record, call.carrier.field, Spelling::any_case, value))
            return composite_unreadable("A record in it has its external id twice.");
        // Without one a record is made, whatever is there.
        if (!unless_null(value)) return calls.add("POST", std::move(path));
        const auto text = text_of(value);
        if (text && text->find("@{") != std::string_view::npos)
            return composite_unreadable("An external id in it refers to another call.");
        const auto shown = text ? std::string{*text} : simdjson::minify(*value);
        return calls.add("PATCH", path + "/" + call.carrier.field + "/" + as_segment(shown));
    }

    /// Records, and those in lists below their members.
    Result<void> plant(array records, int level) const {
        if (level > most_levels)
            return composite_unreadable("Its records lie more than five levels deep.");
        for (const auto one : records) {
            object record;
            if (one.get(record)) return no_object();
            if (level == 1) count_record();
            const auto type = object_of(record);
            if (!type || (level == 1 && !in_url(*type))) return no_object();
            auto good = make(record);
            if (good) good = plant_below(record, level);
            if (!good) return good;
        }
        return {};
    }

    Result<void> plant_below(object record, int level) const {
        for (const auto& member : record) {
            object children;
            if (member.value.is_array())
                return composite_unreadable(
                    "A list of records stands in an object: {\"records\": [...]}.");
            if (member.value.get(children)) continue;
            std::optional<Json> below;
            if (!sole_member(children, "records", Spelling::exact, below))
                return composite_unreadable("A list of records stands in it twice.");
            if (!below) continue;
            const auto list = list_of(below);
            if (!list) return no_object();
            auto good = plant(*list, level + 1);
            if (!good) return good;
        }
        return {};
    }

    Result<void> retrieve() const {
        const auto add = [&](const std::optional<std::string>& id) -> Result<void> {
            count_record();
            if (!id || !is_record_id(*id)) return no_id();
            return calls.add("GET", path_of(call.carrier.object) + "/" + *id);
        };
        const bool posted = call.method == "POST";
        const auto fields = parse_form(call.query);
        const auto named = fields ? count(*fields, "ids") : 0;
        if (posted != call.body.has_value() || (posted && named > 0))
            return composite_unreadable(
                "What is read with GET has its ids in the query, with POST in the body.");
        if (posted) {
            constexpr std::array<std::string_view, 2> names = {"ids", "fields"};
            const auto members = strict_members(*call.body, names);
            const auto ids = members ? list_of((*members)[0]) : std::nullopt;
            if (!ids)
                return composite_unreadable("It has the members \"ids\" and \"fields\" alone.");
            for (const auto id : *ids) {
                auto good = add(id_in(id));
                if (!good) return good;
            }
            return {};
        }
        const auto ids = fields ? only(*fields, "ids") : std::nullopt;
        if (!ids) return no_id();
        std::string_view rest = *ids;
        for (;;) {
            const auto end = std::min(rest.find(','), rest.size());
            auto good = add(std::string{rest.substr(0, end)});
            if (!good || end == rest.size()) return good;
            rest.remove_prefix(end + 1);
        }
    }
};

}  // namespace

Result<void> CallList::add(std::string_view method, std::string target, bool carries) {
    if (!seen_.insert(std::string{method} + " " + target).second) return {};
    bytes_ += target.size();
    if (list_.size() == most_carried_calls || bytes_ > most_carried_targets)
        return composite_unreadable(
            "It may carry 2,000 different calls or records, with URLs of 256 KiB in all. Send it "
            "in "
            "parts.");
    CarriedCall call;
    call.method = method;
    call.target = std::move(target);
    call.carries = carries;
    call.place = std::max<std::size_t>(place_, 1);
    list_.push_back(std::move(call));
    return {};
}

Result<void> read_records(const RecordCall& call, CallList& calls) {
    using Kind = Carrier::Kind;
    const auto kind = call.carrier.kind;
    const RecordReader reader{call, calls};
    if (kind == Kind::retrieved) return reader.retrieve();
    std::optional<array> records;
    if (call.body) {
        constexpr std::array<std::string_view, 2> names = {"records", "allOrNone"};
        const auto members = strict_members(*call.body, names);
        records = members ? list_of((*members)[0]) : std::nullopt;
    }
    if (!records)
        return composite_unreadable("It has the members \"records\" and \"allOrNone\" alone.");
    if (kind == Kind::tree) return reader.plant(*records, 1);
    for (const auto one : *records) {
        object record;
        if (one.get(record)) return no_object();
        reader.count_record();
        Result<void> good;
        if (kind == Kind::upserted)
            good = reader.upsert(record);
        else
            good = call.method == "POST" ? reader.make(record) : reader.change(record);
        if (!good) return good;
    }
    return {};
}

}  // namespace latchkey
