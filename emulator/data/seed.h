#pragma once

#include <cstdint>

#include "emulator/data/records.h"

namespace latchkey::emulator::rest {

/// Rows an org begins with: enough that Contacts and Opportunities do not fit into one page.
inline constexpr std::size_t seeded_accounts = 1200;
inline constexpr std::size_t seeded_contacts = 3000;
inline constexpr std::size_t seeded_opportunities = 2500;
inline constexpr std::size_t seeded_leads = 400;

/// The number within the id of every table's row 0.
std::uint64_t first_number(std::uint64_t seed);

/// Fills an empty table with what an org of this seed begins with. The same seed gives the same
/// records on every machine; tables are filled independently of each other, in any order.
void fill_with_seed(Table& table, const Org& org);

/// Adds a user of that id and name, who can then own and change records.
void add_user(Table& users, const std::string& id, const std::string& username);

}  // namespace latchkey::emulator::rest
