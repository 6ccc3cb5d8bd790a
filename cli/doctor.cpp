#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <set>
#include <utility>

#include <unistd.h>
#include <boost/json.hpp>

#include <latchkey/rotation.h>

#include "cli/acts.h"
#include "cli/output.h"

namespace latchkey::cli {
namespace {

constexpr int most_pages = 10000;

/// Salesforce users of whom a connection is kept, by (org, user).
using Kept = std::set<std::pair<std::string, std::string>>;

Result<void> collect(Backend& backend, Kept& kept) {
    std::string cursor;
    for (int page = 0; page < most_pages; ++page) {
        auto list = backend.connections(cursor);
        if (!list) return list.error();
        for (const auto& c : list->items)
            if (c.standing != Standing::revoked) kept.emplace(c.org_id, c.user_id);
        cursor = list->next_cursor;
        if (cursor.empty()) return {};
    }
    return Error{Fault::misconfigured, "too_many_connections",
                 "There are more connections than can be compared. Ask a smaller store."};
}

/// This user's own store, and the server's that is named. A store that is not there is not made.
Result<Kept> kept_connections() {
    Kept kept;
    auto state = StateFolder::open();
    if (!state) return state.error();
    auto options = state->options();
    if (std::filesystem::exists(options.database)) {
        auto own = open_local(std::move(options));
        if (!own) return own.error();
        const auto collected = collect(**own, kept);
        if (!collected) return collected.error();
    }
    const char* server = std::getenv("LATCHKEY_SERVER");
    if (server != nullptr && *server != '\0') {
        auto backend = open_backend();
        if (!backend) return backend.error();
        const auto collected = collect(**backend, kept);
        if (!collected) return collected.error();
    }
    return kept;
}

Result<Provider> provider_of(const DoctorCommand& command) {
    Provider provider;
    provider.id = ProviderId{"doctor"};
    provider.login_url = command.instance_url;
    if (command.instance_url.find("://") == std::string::npos)
        provider.login_url = "https://" + command.instance_url;
    auto client = client_for(*provider.login_url, command.client_id);
    if (!client) return client.error();
    provider.client_id = std::move(*client);
    provider.proof = PublicProof{};
    if (!command.client_secret_file.empty()) {
        auto secret = read_secret_file(command.client_secret_file);
        if (!secret) return secret.error();
        provider.proof = SecretProof{std::move(*secret)};
    }
    provider.redirect_uri = "http://localhost:" + std::to_string(command.port) + "/OauthRedirect";
    if (!command.scopes.empty()) provider.scopes = command.scopes;
    return provider;
}

/// False: the person does not want to. errors  bad_input confirmation_required
Result<bool> confirmed(const DoctorCommand& command, const Provider& provider) {
    if (command.yes) return true;
    if (::isatty(STDIN_FILENO) == 0)
        return Error{Fault::bad_input, "confirmation_required",
                     "This spends grants of a Salesforce user on purpose. Say --yes where nobody "
                     "can be asked."};
    std::cerr << "You will log in at " << *provider.login_url << " two or three times"
              << (command.approvals ? ", then about five times more" : "")
              << ", as the same user each time.\n"
                 "The grants that this makes are spent and revoked. What is tried on them may end\n"
                 "EVERY grant that this user gave this app, also those of other programs.\n"
                 "Take a sandbox, and a user made for it.\n"
                 "Go on? Type yes: ";
    std::string said;
    std::getline(std::cin, said);
    return said == "yes";
}

boost::json::value to_json(const std::optional<TokenTrial>& trial) {
    if (!trial) return nullptr;
    boost::json::object out{{"accepted", trial->accepted}, {"status", trial->status}};
    if (!trial->accepted) {
        out["error"] = trial->error;
        out["description"] = trial->description;
    }
    return out;
}

boost::json::object to_json(const RotationReport& report) {
    boost::json::array two;
    for (const auto& trial : report.two_at_once) two.emplace_back(to_json(std::optional{trial}));
    boost::json::object out{
        {"org_id", report.org_id},
        {"user_id", report.user_id},
        {"rotates", report.rotates},
        {"tells_expiry", report.tells_expiry},
        {"introspection", name(report.introspection)},
        {"spent_token",
         {{"at_once", to_json(report.spent_at_once)},
          {"later", to_json(report.spent_later)},
          {"later_s", report.spent_later ? boost::json::value(report.later.count()) : nullptr},
          {"its_grant", name(report.after_spent)},
          {"other_grants", name(report.others_after_spent)}}},
        {"two_at_once", {{"answers", std::move(two)}, {"grant", name(report.after_two)}}},
        {"approvals", nullptr},
        {"grants",
         {{"made", report.grants_made},
          {"revoked", report.grants_revoked},
          {"ended", report.grants_ended}}}};
    if (report.approvals) out["approvals"] = *report.approvals;
    return out;
}

std::string words(const TokenTrial& trial) {
    if (trial.accepted) return "accepted";
    if (trial.status == 0) return "no answer came";
    return "refused with " + std::to_string(trial.status) + " " + trial.error +
           (trial.description.empty() ? "" : " (" + trial.description + ")");
}

std::string words(const std::optional<TokenTrial>& trial) {
    return trial ? words(*trial) : "not tried";
}

const char* words(IntrospectionFinding finding) {
    switch (finding) {
        case IntrospectionFinding::truthful:
            return "tells spent tokens from live ones at once, without harm";
        case IntrospectionFinding::wrong:
            return "does not say what is true";
        case IntrospectionFinding::refused:
            return "is not allowed to this client";
        case IntrospectionFinding::unclear:
            break;
    }
    return "gave no clear answer";
}

void print_report(const RotationReport& report) {
    std::vector<std::vector<std::string>> rows{
        {"refresh tokens", report.rotates ? "rotate: each refresh brings a new one"
                                          : "do not rotate: one is used again and again"},
        {"introspection", words(report.introspection)},
        {"end of access tokens", report.tells_expiry ? "is told" : "is not told"}};
    for (std::size_t i = 0; i < report.two_at_once.size(); ++i)
        rows.push_back(
            {i == 0 ? "two at once, first" : "two at once, second", words(report.two_at_once[i])});
    rows.push_back({"the grant after that", name(report.after_two)});
    if (report.rotates) {
        rows.push_back({"spent token, at once", words(report.spent_at_once)});
        if (report.spent_later)
            rows.push_back({"spent token, after " + std::to_string(report.later.count()) + " s",
                            words(report.spent_later)});
        rows.push_back({"its grant after that", name(report.after_spent)});
        rows.push_back({"the user's other grants", name(report.others_after_spent)});
    }
    rows.push_back({"grants side by side", report.approvals ? std::to_string(*report.approvals)
                                                            : "not counted (--approvals)"});
    rows.push_back({"grants made here", std::to_string(report.grants_made) + ": " +
                                            std::to_string(report.grants_revoked) + " revoked, " +
                                            std::to_string(report.grants_ended) + " ended before"});
    print_table({"what", "finding"}, rows);
}

/// What an operator does about it.
std::vector<std::string> advice(const RotationReport& report) {
    std::vector<std::string> lines;
    if (report.introspection == IntrospectionFinding::wrong)
        lines.emplace_back(
            "Set introspection = \"untrusted\" for this provider: a doubt about a refresh token "
            "is then settled by `uncertain`.");
    if (report.introspection == IntrospectionFinding::refused)
        lines.emplace_back(
            "Allow introspection for the app, or choose `uncertain` for this provider: wait or "
            "reauth.");
    if (report.others_after_spent == GrantFate::ended)
        lines.emplace_back(
            "One second use ends every grant of that user and app: let no other program use this "
            "client id.");
    const auto left = report.grants_made - report.grants_revoked - report.grants_ended;
    if (left > 0)
        lines.push_back(std::to_string(left) +
                        " of the grants could not be revoked: revoke them in Setup, Connected Apps "
                        "OAuth Usage.");
    return lines;
}

Result<RotationReport> measure(const DoctorCommand& command) {
    auto provider = provider_of(command);
    if (!provider) return provider.error();
    auto kept = kept_connections();
    if (!kept) return kept.error();
    auto wanted = confirmed(command, *provider);
    if (!wanted) return wanted.error();
    if (!*wanted)
        return Error{Fault::conflict, "not_confirmed", "Nothing was done. Type yes to go on."};

    RotationProbe probe;
    probe.provider = std::move(*provider);
    probe.login_hint = command.login_hint;
    probe.wait = std::chrono::seconds{command.wait_s};
    probe.grace = std::chrono::seconds{command.grace_s};
    probe.count_approvals = command.approvals;
    probe.show = [quiet = command.no_browser](const std::string& url, int login) {
        show_login("Login " + std::to_string(login) + ", as the user made for this", url, quiet);
    };
    probe.is_connected = [&kept](const std::string& org, const std::string& user) {
        return Result<bool>{kept->contains({org, user})};
    };
    probe.tell = [](const std::string& text) { std::cerr << text << std::endl; };
    return probe_rotation(std::move(probe));
}

}  // namespace

int doctor_rotation(const DoctorCommand& command) {
    auto report = measure(command);
    if (!report) return fail(report.error(), command.json);
    const auto lines = advice(*report);
    if (command.json) {
        auto out = to_json(*report);
        out["advice"] = boost::json::array(lines.begin(), lines.end());
        print_json(out);
        return 0;
    }
    print_report(*report);
    for (const auto& line : lines) std::cout << "* " << line << "\n";
    return 0;
}

}  // namespace latchkey::cli
