#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace latchkey::emulator::rest {

enum class FieldType {
    id,
    reference,
    text,
    long_text,  ///< a text area over 255 characters: neither filtered nor sorted by
    picklist,
    email,
    phone,
    url,
    boolean,
    integer,
    currency,
    percent,
    date,
    datetime,
};

/// What callers may do with a field, as bits.
enum FieldRule : unsigned {
    ordinary = 0,
    read_only = 1,    ///< set by the org: audit fields, compound names, formulas
    required = 2,     ///< must be given on creation and cannot be emptied
    external_id = 4,  ///< records can be addressed and upserted by it; not unique
    cascade = 8,      ///< a reference whose record is deleted with the one it points to
};

struct FieldDef {
    std::string_view name;
    std::string_view label;
    FieldType type = FieldType::text;
    int length = 0;  ///< characters, of texts and ids
    unsigned rules = ordinary;
    std::string_view refers_to = {};     ///< of references: the other object's name
    std::string_view relationship = {};  ///< of references: what stands before the dot in SOQL
    std::string_view children = {};  ///< of references: the relationship seen from the other end

    bool is(FieldRule rule) const { return (rules & rule) != 0; }
    bool custom() const { return name.ends_with("__c"); }
};

struct ObjectDef {
    std::size_t index = 0;  ///< place in objects()
    std::string_view name;
    std::string_view label;
    std::string_view plural;
    std::string_view key_prefix;
    bool createable = true;
    bool updateable = true;
    bool deletable = true;
    std::vector<FieldDef> fields;  ///< the first is Id
    bool generated = false;        ///< as many records as asked for, made while they are sent

    /// Places of fields; names compare without case.
    std::optional<std::size_t> find(std::string_view field) const;
    std::optional<std::size_t> find_relationship(std::string_view relationship) const;
    /// The place of a field that every caller knows to be there.
    std::size_t at(std::string_view field) const;
};

/// Every object of the org. The same list, at the same place, for the life of the process.
const std::vector<ObjectDef>& objects();
/// nullptr if there is none; names compare without case.
const ObjectDef* find_object(std::string_view name);

/// The type's name in a describe: "string", "textarea", "int", ...
std::string_view name(FieldType type);
/// Whether values of the type are texts, of which LIKE can be asked.
bool textual(FieldType type);

}  // namespace latchkey::emulator::rest
