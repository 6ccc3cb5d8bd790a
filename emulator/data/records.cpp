#include "emulator/data/records.h"

#include <array>

#include "emulator/data/seed.h"

namespace latchkey::emulator::rest {
namespace {

struct Stage {
    std::string_view name;
    double probability;
    bool closed, won;
};
constexpr std::array<Stage, 10> stages{{{"Prospecting", 10, false, false},
                                        {"Qualification", 10, false, false},
                                        {"Needs Analysis", 20, false, false},
                                        {"Value Proposition", 50, false, false},
                                        {"Id. Decision Makers", 60, false, false},
                                        {"Perception Analysis", 70, false, false},
                                        {"Proposal/Price Quote", 75, false, false},
                                        {"Negotiation/Review", 90, false, false},
                                        {"Closed Won", 100, true, true},
                                        {"Closed Lost", 0, true, false}}};

void derive_stage(const ObjectDef& object, Record& record, const std::vector<bool>& given) {
    const auto* stage_name = std::get_if<std::string>(&record.fields[object.at("StageName")]);
    bool closed = false, won = false;
    for (const Stage& stage : stages) {
        if (stage_name == nullptr || *stage_name != stage.name) continue;
        closed = stage.closed;
        won = stage.won;
        if (given[object.at("StageName")] && !given[object.at("Probability")]) {
            record.fields[object.at("Probability")] = stage.probability;
        }
    }
    record.fields[object.at("IsClosed")] = closed;
    record.fields[object.at("IsWon")] = won;
}

}  // namespace

std::optional<std::size_t> Table::find(const std::string& id) const {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return std::nullopt;
    return found->second;
}

std::string Table::id_of(std::size_t number) const {
    return record_id(object_->key_prefix, first_number_ + number);
}

std::size_t Table::add(Record record) {
    if (is_null(record.fields.front())) record.fields.front() = id_of(rows_.size());
    by_id_.emplace(record.id(), rows_.size());
    rows_.push_back(std::move(record));
    return rows_.size() - 1;
}

Org::Org(std::uint64_t seed, std::string org_id, std::string user_id, std::string username)
    : seed_(seed),
      org_id_(std::move(org_id)),
      user_id_(std::move(user_id)),
      username_(std::move(username)),
      tables_(objects().size()) {}

Table& Org::table(const ObjectDef& object) {
    auto& table = tables_[object.index];
    if (!table) {
        table = std::make_unique<Table>(object, first_number(seed_));
        fill_with_seed(*table, *this);
    }
    return *table;
}

void derive_fields(const ObjectDef& object, Record& record, const std::vector<bool>& given) {
    if (const auto last = object.find("LastName")) {
        std::string whole;
        if (const auto* first = std::get_if<std::string>(&record.fields[object.at("FirstName")])) {
            whole = *first + " ";
        }
        if (const auto* text = std::get_if<std::string>(&record.fields[*last])) whole += *text;
        record.fields[object.at("Name")] = std::move(whole);
    }
    if (object.find("StageName")) derive_stage(object, record, given);
}

}  // namespace latchkey::emulator::rest
