// Connects you to Salesforce once, then prints what a SOQL query finds. The next run needs no login.
#include <iostream>

#include <latchkey/latchkey.h>

int fail(const latchkey::Error& error) {
    std::cerr << latchkey::name(error.fault) << ": " << error.message << '\n';
    return 1;
}

int main(int count, char** given) {
    if (count < 5) return std::cerr << "usage: first_query DB LOGIN_URL CLIENT_ID SOQL [REDIRECT_URI]\n", 2;
    latchkey::Provider app;
    app.id = latchkey::ProviderId{"salesforce"};
    app.client_id = given[3];
    app.proof = latchkey::PublicProof{};
    app.login_url = given[2];
    app.redirect_uri = count > 5 ? given[5] : "http://localhost:1717/OauthRedirect";

    latchkey::Options options;
    options.database = given[1];
    options.master_key = latchkey::MasterKeyFile{options.database + ".key", true};
    options.providers = {app};
    const auto salesforce = latchkey::Latchkey::open(std::move(options));
    if (!salesforce) return fail(salesforce.error());

    latchkey::LoopbackLogin login;
    login.end_user = "me";
    login.show = [](const std::string& url) { std::cerr << "Log in at " << url << std::endl; };
    const auto kept = (*salesforce)->connections();
    if (!kept) return fail(kept.error());
    const auto me = kept->items.empty() ? (*salesforce)->login(login) : kept->items.front();
    if (!me) return fail(me.error());

    const auto page = (*salesforce)->query(me->id, given[4]);
    if (!page) return fail(page.error());
    for (const auto& record : page->records) std::cout << record.json() << '\n';
}
