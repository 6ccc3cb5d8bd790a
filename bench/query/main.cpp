// Reads every record of a query through the library and looks at two fields of each.
//
//   bench_query DATABASE URL REDIRECT_URI SOQL [ROUNDS]
//
// Says "Log in at URL" on standard error; then one JSON line for each round.
#include <sys/resource.h>

#include <chrono>
#include <iostream>

#include <latchkey/latchkey.h>
#include <latchkey/rest.h>

namespace {

int fail(const latchkey::Error& error) {
    std::cerr << error.code << ": " << error.message << ' ' << error.remote_text << '\n';
    return 1;
}

double cpu_seconds(const rusage& use) {
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(use.ru_utime) + seconds(use.ru_stime);
}

rusage used() {
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    return use;
}

}  // namespace

int main(int count, char** given) {
    if (count < 5) {
        std::cerr << "usage: bench_query DATABASE URL REDIRECT_URI SOQL [ROUNDS]\n";
        return 2;
    }
    latchkey::Provider app;
    app.id = latchkey::ProviderId{"salesforce"};
    app.client_id = "latchkey-demo";
    app.proof = latchkey::SecretProof{latchkey::Secret{"latchkey-demo-secret"}};
    app.login_url = given[2];
    app.redirect_uri = given[3];
    latchkey::Options options;
    options.database = given[1];
    options.master_key = latchkey::MasterKeyFile{options.database + ".key", true};
    options.providers = {app};
    const auto house = latchkey::Latchkey::open(std::move(options));
    if (!house) return fail(house.error());

    latchkey::LoopbackLogin login;
    login.end_user = "bench";
    login.show = [](const std::string& url) { std::cerr << "Log in at " << url << std::endl; };
    const auto me = (*house)->login(login);
    if (!me) return fail(me.error());

    const latchkey::Rest rest{**house, me->id};
    const int rounds = count > 5 ? std::stoi(given[5]) : 1;
    for (int round = 0; round < rounds; ++round) {
        const auto before = used();
        const auto begun = std::chrono::steady_clock::now();
        std::size_t bytes = 0;
        auto records = rest.query(given[4]);
        const auto seen = records.for_each([&](const latchkey::Record& record) {
            bytes += record.text("Name").value_or("").size();
            bytes += record.text("Value__c").value_or("").size();
            return true;
        });
        if (!seen) return fail(seen.error());
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        const auto after = used();
        std::cout << "{\"records\":" << *seen << ",\"bytes\":" << bytes
                  << ",\"seconds\":" << took.count()
                  << ",\"cpu_seconds\":" << cpu_seconds(after) - cpu_seconds(before)
                  << ",\"peak_kb\":" << after.ru_maxrss << "}" << std::endl;
    }
}
