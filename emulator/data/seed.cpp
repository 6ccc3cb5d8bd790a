#include "emulator/data/seed.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace latchkey::emulator::rest {
namespace {

constexpr std::array<std::string_view, 24> first_names = {
    "Amara",   "Bruno", "Chiara", "Dmitri", "Elif", "Farid",  "Greta", "Hiro",
    "Ingrid",  "Jonas", "Kavya",  "Liam",   "Mei",  "Noor",   "Oskar", "Paloma",
    "Quentin", "Rosa",  "Sven",   "Tala",   "Uma",  "Viktor", "Wanda", "Yusuf"};
constexpr std::array<std::string_view, 24> last_names = {
    "Abadi", "Bergman", "Castro",   "Dubois", "Eriksen", "Fischer",  "Gupta",   "Haas",
    "Ito",   "Jansen",  "Kowalski", "Lindt",  "Moreau",  "Nakamura", "O'Brien", "Petrov",
    "Quist", "Romano",  "Silva",    "Tanaka", "Usman",   "Vogel",    "Weber",   "Zhou"};
constexpr std::array<std::string_view, 16> company_heads = {
    "Alder", "Birch",   "Cobalt",  "Delta", "Ember",    "Fjord",  "Granite", "Harbor",
    "Iris",  "Juniper", "Kestrel", "Lumen", "Meridian", "Nimbus", "Onyx",    "Prairie"};
constexpr std::array<std::string_view, 10> company_tails = {
    "Analytics", "Bakery",     "Chemicals", "Dynamics",    "Energy",
    "Foods",     "Glassworks", "Holdings",  "Instruments", "Logistics"};
struct City {
    std::string_view name, country;
};
constexpr std::array<City, 10> cities = {{{"Berlin", "Germany"},
                                          {"Lisbon", "Portugal"},
                                          {"Chicago", "USA"},
                                          {"Osaka", "Japan"},
                                          {"Zürich", "Switzerland"},
                                          {"Toronto", "Canada"},
                                          {"São Paulo", "Brazil"},
                                          {"Nairobi", "Kenya"},
                                          {"Leeds", "United Kingdom"},
                                          {"Pune", "India"}}};
constexpr std::array<std::string_view, 8> industries = {"Agriculture", "Banking",   "Chemicals",
                                                        "Education",   "Energy",    "Manufacturing",
                                                        "Retail",      "Technology"};
constexpr std::array<std::string_view, 3> ratings = {"Hot", "Warm", "Cold"};
constexpr std::array<std::string_view, 4> account_types = {"Prospect", "Customer - Direct",
                                                           "Customer - Channel", "Other"};
constexpr std::array<std::string_view, 6> job_titles = {
    "CEO", "CFO", "VP Sales", "Buyer", "Facility Manager", "Engineer"};
constexpr std::array<std::string_view, 5> departments = {"Finance", "Sales", "Purchasing",
                                                         "Operations", "Technology"};
constexpr std::array<std::string_view, 5> lead_sources = {
    "Web", "Phone Inquiry", "Partner Referral", "Trade Show", "Other"};
constexpr std::array<std::string_view, 6> stage_names = {"Prospecting",          "Needs Analysis",
                                                         "Proposal/Price Quote", "Closed Won",
                                                         "Negotiation/Review",   "Closed Lost"};
constexpr std::array<std::string_view, 4> lead_statuses = {
    "Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted"};

constexpr std::int64_t seed_start = 1'735'725'600;  // 2025-01-01T10:00:00Z
constexpr std::int64_t seed_start_day = 20089;      // the same day

/// SplitMix64: the same numbers on every machine, unlike the standard library's distributions.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    template <std::size_t size>
    std::string pick(const std::array<std::string_view, size>& from) {
        return std::string(from[below(size)]);
    }

private:
    std::uint64_t state_;
};

/// Sets fields by name and appends the finished record.
class Maker {
public:
    /// `owner` is the id of the user who is said to have made the records.
    Maker(Table& table, const std::string& owner)
        : table_(table), owner_(owner), record_(table.object()) {}

    void set(std::string_view field, Value value) {
        if (const auto* text = std::get_if<std::string>(&value); text && text->empty()) return;
        record_.fields[table_.object().at(field)] = std::move(value);
    }
    void add(std::int64_t created) {
        const ObjectDef& object = table_.object();
        for (std::size_t i = 0; i < object.fields.size(); ++i) {
            if (object.fields[i].type == FieldType::boolean && is_null(record_.fields[i])) {
                record_.fields[i] = false;
            }
        }
        for (auto field : {"CreatedById", "LastModifiedById"}) set(field, owner_);
        if (object.find("OwnerId")) set("OwnerId", owner_);
        for (auto field : {"CreatedDate", "LastModifiedDate", "SystemModstamp"}) {
            set(field, created);
        }
        derive_fields(object, record_, std::vector<bool>(object.fields.size(), true));
        table_.add(std::exchange(record_, Record(object)));
    }

private:
    Table& table_;
    const std::string& owner_;
    Record record_;
};

std::string phone_number(Dice& dice) {
    // One draw a statement: the order of a call's arguments differs between compilers.
    const std::uint64_t exchange = dice.below(1000);
    const std::uint64_t line = dice.below(10000);
    return fmt::format("+1 555 {:03} {:04}", exchange, line);
}

std::string company(Dice& dice, std::size_t row) {
    const std::string head = dice.pick(company_heads);
    const std::string tail = dice.pick(company_tails);
    return fmt::format("{} {} {}", head, tail, row + 1);
}

void place(Maker& maker, Dice& dice, std::string_view city_field, std::string_view country_field) {
    const City& city = cities[dice.below(cities.size())];
    maker.set(city_field, std::string(city.name));
    maker.set(country_field, std::string(city.country));
}

void person(Maker& maker, Dice& dice, std::size_t row) {
    const std::string first = dice.pick(first_names);
    const std::string last = dice.pick(last_names);
    maker.set("FirstName", first);
    maker.set("LastName", last);
    maker.set("Email", fmt::format("{}{}@mail.example", ascii_lower(first), row + 1));
    maker.set("Phone", phone_number(dice));
    maker.set("Title", dice.pick(job_titles));
}

void add_account(Maker& maker, Dice& dice, std::size_t row) {
    maker.set("Name", company(dice, row));
    maker.set("Type", dice.pick(account_types));
    maker.set("BillingStreet", fmt::format("{} Mill Lane", 1 + dice.below(200)));
    place(maker, dice, "BillingCity", "BillingCountry");
    maker.set("BillingPostalCode", fmt::format("{:05}", dice.below(100000)));
    maker.set("Phone", phone_number(dice));
    maker.set("AccountNumber", fmt::format("AC-{:06}", row + 1));
    maker.set("Website", fmt::format("https://www.company{}.example", row + 1));
    // Some fields stay empty, so that NULLS FIRST and "= null" have something to show.
    if (!dice.one_in(5)) maker.set("Industry", dice.pick(industries));
    if (!dice.one_in(4)) maker.set("Rating", dice.pick(ratings));
    if (!dice.one_in(6)) {
        maker.set("AnnualRevenue", static_cast<double>(dice.below(90'000)) * 1000.0);
    }
    maker.set("NumberOfEmployees", static_cast<double>(1 + dice.below(20'000)));
    maker.set("External_Id__c", fmt::format("EXT-{:05}", row + 1));
    maker.set("Active__c", !dice.one_in(3));
}

void add_contact(Maker& maker, Dice& dice, std::size_t row, const std::string& account) {
    person(maker, dice, row);
    maker.set("AccountId", account);
    maker.set("Department", dice.pick(departments));
    place(maker, dice, "MailingCity", "MailingCountry");
    if (!dice.one_in(3)) maker.set("Birthdate", static_cast<std::int64_t>(dice.below(15'000)));
    maker.set("DoNotCall", dice.one_in(10));
}

void add_lead(Maker& maker, Dice& dice, std::size_t row) {
    person(maker, dice, row);
    maker.set("Company", company(dice, row));
    place(maker, dice, "City", "Country");
    maker.set("LeadSource", dice.pick(lead_sources));
    maker.set("Status", dice.pick(lead_statuses));
    if (!dice.one_in(3)) maker.set("Rating", dice.pick(ratings));
}

void add_opportunity(Maker& maker, Dice& dice, std::size_t row, const std::string& account) {
    maker.set("AccountId", account);
    maker.set("Name", fmt::format("Opportunity {:04}", row + 1));
    maker.set("StageName", dice.pick(stage_names));
    if (!dice.one_in(8)) maker.set("Amount", static_cast<double>(dice.below(4'000)) * 250.0);
    maker.set("Probability", static_cast<double>(dice.below(21)) * 5.0);
    maker.set("CloseDate", seed_start_day + 30 + static_cast<std::int64_t>(dice.below(1000)));
    maker.set("LeadSource", dice.pick(lead_sources));
}

void set_user(Maker& maker, const std::string& id, const std::string& username) {
    std::string first = username.substr(0, username.find_first_of("@."));
    if (!first.empty() && first[0] >= 'a' && first[0] <= 'z') first[0] -= 'a' - 'A';
    maker.set("Id", id);
    maker.set("Username", username);
    maker.set("FirstName", first.substr(0, 40));
    maker.set("LastName", std::string("Example"));
    maker.set("Email", username);
    maker.set("Alias", ascii_lower(first).substr(0, 8));
    maker.set("CompanyName", std::string("Acme"));
    maker.set("IsActive", true);
    maker.set("TimeZoneSidKey", std::string("Europe/Berlin"));
    maker.set("LocaleSidKey", std::string("en_US"));
    maker.set("EmailEncodingKey", std::string("UTF-8"));
    maker.set("LanguageLocaleKey", std::string("en_US"));
    maker.set("UserType", std::string("Standard"));
}

void add_organization(Maker& maker, const Org& org) {
    maker.set("Id", org.org_id());
    maker.set("Name", std::string("Acme"));
    maker.set("Country", std::string("DE"));
    maker.set("DefaultLocaleSidKey", std::string("en_US"));
    maker.set("LanguageLocaleKey", std::string("en_US"));
    maker.set("TimeZoneSidKey", std::string("Europe/Berlin"));
    maker.set("OrganizationType", std::string("Developer Edition"));
    maker.set("InstanceName", std::string("EMU1"));
    maker.add(seed_start);
}

}  // namespace

std::uint64_t first_number(std::uint64_t seed) {
    return 62 * 62 * 62 + Dice(seed).below(std::uint64_t{62} * 62 * 62 * 62);
}

void fill_with_seed(Table& table, const Org& org) {
    const std::string_view object = table.object().name;
    if (object == "User") return add_user(table, org.user_id(), org.username());
    Maker maker(table, org.user_id());
    if (object == "Organization") return add_organization(maker, org);

    // Ids follow from row numbers, so a contact can name its account before that table exists.
    const Table accounts(*find_object("Account"), first_number(org.seed()));
    Dice dice(org.seed() ^ (table.object().index + 1) * 0x9e3779b97f4a7c15);
    const std::size_t rows = object == "Account"   ? seeded_accounts
                             : object == "Contact" ? seeded_contacts
                             : object == "Lead"    ? seeded_leads
                                                   : seeded_opportunities;
    for (std::size_t row = 0; row < rows; ++row) {
        // The last twenty accounts have no children.
        const std::string account = accounts.id_of(dice.below(seeded_accounts - 20));
        if (object == "Account") add_account(maker, dice, row);
        if (object == "Contact") add_contact(maker, dice, row, account);
        if (object == "Lead") add_lead(maker, dice, row);
        if (object == "Opportunity") add_opportunity(maker, dice, row, account);
        maker.add(seed_start + static_cast<std::int64_t>(row) * 7200);
    }
}

void add_user(Table& users, const std::string& id, const std::string& username) {
    Maker maker(users, id);
    set_user(maker, id, username);
    maker.add(seed_start);
}

}  // namespace latchkey::emulator::rest
