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
    if (notes_ != nullptr && *notes_) (*notes_)->push_back({this, rows_.size(), std::nullopt});
    rows_.push_back(std::move(record));
    return rows_.size() - 1;
}

Record& Table::change(std::size_t number) {
    if (notes_ != nullptr && *notes_) (*notes_)->push_back({this, number, rows_[number]});
    return rows_[number];
}

void Table::restore(Before before) {
    if (before.record) {
        rows_[before.row] = std::move(*before.record);
        return;
    }
    // What was added last goes first, so this is the last row.
    by_id_.erase(rows_.back().id());
    rows_.pop_back();
}

Attempt::Attempt(Org& org)
    : org_(org), outermost_(!org.notes_), from_(outermost_ ? 0 : org.notes_->size()) {
    if (outermost_) org_.notes_.emplace();
}

Attempt::~Attempt() {
    if (outermost_) org_.notes_.reset();
}

void Attempt::take_back() {
    auto& notes = *org_.notes_;
    while (notes.size() > from_) {
        Before last = std::move(notes.back());
        notes.pop_back();
        last.table->restore(std::move(last));
    }
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
        if (!object.generated) fill_with_seed(*table, *this);
        // What was always there is not taken back.
        table->note_changes_in(notes_);
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
