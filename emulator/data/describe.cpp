#include "emulator/data/describe.h"

#include <fmt/format.h>
#include <boost/json.hpp>

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

std::string_view soap_type(FieldType type) {
    using enum FieldType;
    switch (type) {
        case id:
        case reference:
            return "tns:ID";
        case boolean:
            return "xsd:boolean";
        case integer:
            return "xsd:int";
        case currency:
        case percent:
            return "xsd:double";
        case date:
            return "xsd:date";
        case datetime:
            return "xsd:dateTime";
        default:
            return "xsd:string";
    }
}

json::object describe_field(const ObjectDef& object, const FieldDef& field) {
    using enum FieldType;
    const bool is_reference = field.type == reference;
    const bool is_boolean = field.type == boolean;
    const bool open = field.type != long_text;
    const bool writable = !field.is(read_only);
    const bool is_owner = field.name == "OwnerId";
    json::array refers_to;
    if (is_reference) refers_to.emplace_back(field.refers_to);
    return {
        {"aggregatable", open && !is_boolean},
        {"autoNumber", false},
        {"byteLength", field.length * (field.type == id || is_reference ? 1 : 3)},
        {"calculated", false},
        {"caseSensitive", false},
        {"createable", object.createable && writable},
        {"custom", field.custom()},
        {"defaultValue", is_boolean ? json::value(false) : json::value(nullptr)},
        {"defaultedOnCreate", field.is(read_only) || is_boolean || is_owner},
        {"deprecatedAndHidden", false},
        {"digits", field.type == integer ? 8 : 0},
        {"externalId", field.is(external_id)},
        {"filterable", open},
        {"groupable", open && field.type != currency && field.type != percent},
        {"idLookup", field.type == id || field.is(external_id)},
        {"label", field.label},
        {"length", field.length},
        {"name", field.name},
        {"nameField", field.name == "Name"},
        {"nillable", !field.is(required) && writable && !is_boolean && !is_owner},
        {"permissionable", writable && !field.is(required)},
        {"picklistValues", json::array{}},
        {"polymorphicForeignKey", false},
        {"precision", field.type == currency  ? 18
                      : field.type == percent ? 3
                                              : 0},
        {"referenceTo", std::move(refers_to)},
        {"relationshipName", is_reference ? json::value(field.relationship) : json::value(nullptr)},
        {"restrictedPicklist", false},
        {"scale", field.type == currency ? 2 : 0},
        {"soapType", soap_type(field.type)},
        {"sortable", open},
        {"type", name(field.type)},
        {"unique", false},
        {"updateable", object.updateable && writable},
    };
}

json::array describe_children(const ObjectDef& object) {
    json::array all;
    for (const ObjectDef& other : objects()) {
        for (const FieldDef& field : other.fields) {
            if (field.refers_to != object.name) continue;
            all.push_back({
                {"cascadeDelete", field.is(cascade)},
                {"childSObject", other.name},
                {"deprecatedAndHidden", false},
                {"field", field.name},
                {"relationshipName",
                 field.children.empty() ? json::value(nullptr) : json::value(field.children)},
                {"restrictedDelete", false},
            });
        }
    }
    return all;
}

}  // namespace

json::object describe_briefly(const ObjectDef& object, std::string_view base) {
    const std::string url = fmt::format("{}/sobjects/{}", base, object.name);
    return {
        {"activateable", false},
        {"createable", object.createable},
        {"custom", object.name.ends_with("__c")},
        {"customSetting", false},
        {"deletable", object.deletable},
        {"deprecatedAndHidden", false},
        {"feedEnabled", false},
        {"keyPrefix", object.key_prefix},
        {"label", object.label},
        {"labelPlural", object.plural},
        {"layoutable", true},
        {"mergeable", false},
        {"mruEnabled", true},
        {"name", object.name},
        {"queryable", true},
        {"replicateable", false},
        {"retrieveable", true},
        {"searchable", false},
        {"triggerable", false},
        {"undeletable", false},
        {"updateable", object.updateable},
        {"urls",
         {{"sobject", url}, {"describe", url + "/describe"}, {"rowTemplate", url + "/{ID}"}}},
    };
}

json::object describe_fully(const ObjectDef& object, std::string_view base) {
    json::object all = describe_briefly(object, base);
    json::array fields;
    for (const FieldDef& field : object.fields) fields.push_back(describe_field(object, field));
    all["fields"] = std::move(fields);
    all["childRelationships"] = describe_children(object);
    all["recordTypeInfos"] = json::array{};
    return all;
}

}  // namespace latchkey::emulator::rest
