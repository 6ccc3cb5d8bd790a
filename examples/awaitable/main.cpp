// The same in coroutines on a loop of the program's own, and all pages of the query.
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <latchkey/latchkey.h>

using namespace std::chrono_literals;
using latchkey::Deadline;

latchkey::Task<void> query(latchkey::Latchkey& salesforce, std::string soql) {
    latchkey::LoopbackLogin login;
    login.end_user = "me";
    login.show = [](const std::string& url) { std::cerr << "Log in at " << url << std::endl; };
    auto me = co_await salesforce.async_login(std::move(login), Deadline::in(180s));
    if (!me) co_return me.error();

    auto page = co_await salesforce.async_query(me->id, std::move(soql), Deadline::in(30s));
    while (page) {
        for (const auto& record : page->records) std::cout << record.json() << '\n';
        if (page->next.empty()) co_return latchkey::Result<void>{};
        page = co_await salesforce.async_query_more(me->id, page->next, Deadline::in(30s));
    }
    co_return page.error();
}

int main(int count, char** given) {
    if (count < 5) return std::cerr << "usage: awaitable DB LOGIN_URL CLIENT_ID SOQL [REDIRECT_URI]\n", 2;
    latchkey::Provider app;
    app.id = latchkey::ProviderId{"salesforce"};
    app.client_id = given[3];
    app.proof = latchkey::PublicProof{};
    app.login_url = given[2];
    app.redirect_uri = count > 5 ? given[5] : "http://localhost:1717/OauthRedirect";

    boost::asio::io_context loop;
    latchkey::Options options;
    options.database = given[1];
    options.master_key = latchkey::MasterKeyFile{options.database + ".key", true};
    options.providers = {app};
    options.loop = &loop;
    auto opened = latchkey::Latchkey::open(std::move(options));
    if (!opened) return std::cerr << opened.error().message << '\n', 1;

    auto salesforce = std::move(*opened);
    int status = 0;
    boost::asio::co_spawn(loop, query(*salesforce, given[4]),
                          [&](std::exception_ptr, latchkey::Result<void> done) {
                              if (!done) std::cerr << done.error().message << '\n', status = 1;
                              salesforce.reset();  // closes on this loop, which then has no work
                          });
    loop.run();
    return status;
}
