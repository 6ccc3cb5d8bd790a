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
        "Each record in it has one \"attributes\" with one \"type\", the name of an object.");
}

Error no_id() {
    return composite_unreadable("Each record that it means has one id of 15 or 18 characters.");
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

struct RecordReader {
    const Carrier& carrier;
    const RecordReferences* references;
    CallList& calls;
    /// A record of a body that stands alone is a place of its own.
    void count_record() const {
        if (references == nullptr) calls.next_place();
    }
    std::string path_of(std::string_view object) const {
        return carrier.base + "/sobjects/" + std::string{object};
    }

    /// An id, written out or referred to.
    std::optional<std::string> id_in(const std::optional<Json>& value) const {
        const auto text = text_of(value);
        if (!text) return std::nullopt;
        auto id = references == nullptr ? std::string{*text} : references->resolve(*text);
        return id && is_record_id(*id) ? id : std::nullopt;
    }

    Result<void> write(std::string_view method, object record) const {
        const auto type = object_of(record);
        if (!type) return no_object();
        if (method == "POST") return calls.add(method, path_of(*type));
        std::optional<Json> id;
        const bool sole = sole_member(record, "id", Spelling::any_case, id);
        const auto text = sole ? id_in(id) : std::nullopt;
        if (!text) return no_id();
        return calls.add(method, path_of(*type) + "/" + *text);
    }

    Result<void> upsert(object record) const {
        const auto type = object_of(record);
        if (!type || !ascii_iequal(*type, carrier.object)) return no_object();
        auto path = path_of(carrier.object) + "/" + carrier.field;
        std::optional<Json> value;
        if (!sole_member(record, carrier.field, Spelling::any_case, value))
            return composite_unreadable("A record in it has its external id twice.");
        // Without one a record is made; rules see the path that ends before it.
        if (!value || value->is_null()) return calls.add("PATCH", std::move(path));
        const auto text = text_of(value);
        if (text && text->find("@{") != std::string_view::npos)
            return composite_unreadable("An external id in it refers to another call.");
        const auto shown = text ? std::string{*text} : simdjson::minify(*value);
        return calls.add("PATCH", path + "/" + percent_encode(shown));
    }

    /// Records, and those in lists below their members.
    Result<void> plant(array records, int level) const {
        if (level > most_levels)
            return composite_unreadable("Its records lie more than five levels deep.");
        for (const auto one : records) {
            object record;
            if (one.get(record)) return no_object();
            if (level == 1) count_record();
            auto good = write("POST", record);
            if (!good) return good;
            for (const auto& member : record) {
                object children;
                if (member.value.get(children)) continue;
                std::optional<Json> below;
                if (!sole_member(children, "records", Spelling::exact, below))
                    return composite_unreadable("A list of records stands in it twice.");
                if (!below) continue;
                const auto list = list_of(below);
                if (!list) return no_object();
                good = plant(*list, level + 1);
                if (!good) return good;
            }
        }
        return {};
    }

    Result<void> retrieve(const std::optional<Json>& body, std::string_view query,
                          bool posted) const {
        const auto add = [&](const std::optional<std::string>& id) -> Result<void> {
            if (!id || !is_record_id(*id)) return no_id();
            return calls.add("GET", path_of(carrier.object) + "/" + *id);
        };
        const auto fields = parse_form(query);
        const auto named = fields ? count(*fields, "ids") : 0;
        if (posted != body.has_value() || (posted && named > 0))
            return composite_unreadable(
                "What is read with GET has its ids in the query, with POST in the body.");
        if (body) {
            constexpr std::array<std::string_view, 2> names = {"ids", "fields"};
            const auto members = strict_members(*body, names);
            const auto ids = members ? list_of((*members)[0]) : std::nullopt;
            if (!ids)
                return composite_unreadable("It has the members \"ids\" and \"fields\" alone.");
            for (const auto id : *ids) {
                count_record();
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
            count_record();
            auto good = add(std::string{rest.substr(0, end)});
            if (!good || end == rest.size()) return good;
            rest.remove_prefix(end + 1);
        }
    }
};

}  // namespace

Result<void> CallList::add(std::string_view method, std::string target, bool carries) {
    if (!seen_.insert(std::string{method} + " " + target).second) return {};
    if (list_.size() == most_carried_calls)
        return composite_unreadable("It may carry 500 calls or records. Send it in parts.");
    CarriedCall call;
    call.method = method;
    call.target = std::move(target);
    call.carries = carries;
    call.place = std::max<std::size_t>(place_, 1);
    list_.push_back(std::move(call));
    return {};
}

Result<void> read_records(const Carrier& carrier, std::string_view method, std::string_view query,
                          const std::optional<Json>& body, const RecordReferences* references,
                          CallList& calls) {
    using Kind = Carrier::Kind;
    const RecordReader reader{carrier, references, calls};
    if (carrier.kind == Kind::retrieved) return reader.retrieve(body, query, method == "POST");
    std::optional<array> records;
    if (body) {
        constexpr std::array<std::string_view, 2> names = {"records", "allOrNone"};
        const auto members = strict_members(*body, names);
        records = members ? list_of((*members)[0]) : std::nullopt;
    }
    if (!records)
        return composite_unreadable("It has the members \"records\" and \"allOrNone\" alone.");
    if (carrier.kind == Kind::tree) return reader.plant(*records, 1);
    for (const auto one : *records) {
        object record;
        if (one.get(record)) return no_object();
        reader.count_record();
        auto good =
            carrier.kind == Kind::upserted ? reader.upsert(record) : reader.write(method, record);
        if (!good) return good;
    }
    return {};
}

}  // namespace latchkey
