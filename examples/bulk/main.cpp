// Loads accounts with a bulk job, reads them back with another, and removes them with a third.
// The database is one that first_query has connected.
#include <iostream>

#include <latchkey/bulk.h>
#include <latchkey/latchkey.h>

int fail(const latchkey::Error& error) {
    std::cerr << latchkey::name(error.fault) << ": " << error.message << ' ' << error.remote_text
              << '\n';
    return 1;
}

int main(int count, char** given) {
    if (count < 4) return std::cerr << "usage: bulk DB LOGIN_URL CLIENT_ID\n", 2;
    latchkey::Provider app;
    app.id = latchkey::ProviderId{"salesforce"};
    app.client_id = given[3];
    app.proof = latchkey::PublicProof{};
    app.login_url = given[2];
    app.redirect_uri = "http://localhost:1717/OauthRedirect";

    latchkey::Options options;
    options.database = given[1];
    options.master_key = latchkey::MasterKeyFile{options.database + ".key"};
    options.providers = {app};
    const auto salesforce = latchkey::Latchkey::open(std::move(options));
    if (!salesforce) return fail(salesforce.error());
    const auto kept = (*salesforce)->connections();
    if (!kept) return fail(kept.error());
    if (kept->items.empty()) return std::cerr << "run first_query first\n", 1;
    const latchkey::Bulk bulk{**salesforce, kept->items.front().id};

    auto load =
        bulk.load("Account", latchkey::BulkOperation::insert, {"Name", "NumberOfEmployees"});
    for (int i = 1; i <= 3; ++i) {
        const auto taken = load.add({"Example " + std::to_string(i), std::to_string(i)});
        if (!taken) return fail(taken.error());
    }
    const auto jobs = load.finish();
    if (!jobs) return fail(jobs.error());
    for (const auto& job : *jobs) {
        std::cerr << job.processed << " records, " << job.failed << " refused\n";
    }

    auto removal = bulk.load("Account", latchkey::BulkOperation::remove, {"Id"});
    auto rows = bulk.query("SELECT Id, Name FROM Account WHERE Name LIKE 'Example %'");
    const auto seen = rows.for_each([&](const latchkey::CsvRow& row) {
        std::cout << row.text("Name").value_or("") << '\n';
        return removal.add({std::string{row[0]}}).has_value();
    });
    if (!seen) return fail(seen.error());
    const auto removed = removal.finish();
    return removed ? 0 : fail(removed.error());
}
