// Makes a few accounts in one call, reads all of them back as they arrive, and removes what it made.
// The database is one that first_query has connected.
#include <iostream>

#include <latchkey/latchkey.h>
#include <latchkey/rest.h>

int fail(const latchkey::Error& error) {
    std::cerr << latchkey::name(error.fault) << ": " << error.message << '\n';
    return 1;
}

int main(int count, char** given) {
    if (count < 4) return std::cerr << "usage: records DB LOGIN_URL CLIENT_ID\n", 2;
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
    const latchkey::Rest rest{**salesforce, kept->items.front().id};

    std::vector<latchkey::Fields> wanted;
    for (int i = 1; i <= 3; ++i) {
        wanted.push_back(latchkey::Fields{}
                             .set("Name", "Example " + std::to_string(i))
                             .set("NumberOfEmployees", i));
    }
    const auto made = rest.create_many("Account", wanted, true);
    if (!made) return fail(made.error());

    auto records = rest.query("SELECT Name, Industry FROM Account");
    const auto seen = records.for_each([](const latchkey::Record& record) {
        std::cout << record.text("Name").value_or("") << '\t'
                  << record.text("Industry").value_or("-") << '\n';
        return true;
    });
    if (!seen) return fail(seen.error());
    std::cerr << *seen << " of " << records.total_size() << " records\n";

    std::vector<std::string> ids;
    for (const auto& row : *made) ids.push_back(row.id);
    const auto removed = rest.remove_many(ids);
    return removed ? 0 : fail(removed.error());
}
