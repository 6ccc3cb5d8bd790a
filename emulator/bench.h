#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/text.h"
#include "emulator/emulator.h"
#include "emulator/hash.h"
#include "emulator/ledger.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"

namespace latchkey::emulator::test {

/// What the tests of this room stand on: an emulator without a socket, time that they move, and a
/// person with a browser. It knows the wire and nothing of the insides.
struct Bench {
    explicit Bench(Options options = {}) : emulator(loop, std::move(options), clock, log) {}

    Reply send(ServedRequest request) {
        return latchkey::test::run(loop, emulator.handle(std::move(request)));
    }

    static ServedRequest request(std::string method, std::string target, std::string body = {}) {
        ServedRequest out;
        out.method = std::move(method);
        out.target = std::move(target);
        const auto mark = out.target.find('?');
        out.path = out.target.substr(0, mark);
        if (mark != std::string::npos) out.query = out.target.substr(mark + 1);
        out.headers.add("Host", "127.0.0.1:8788");
        out.body = std::move(body);
        out.peer = "127.0.0.1";
        return out;
    }

    Reply get(std::string target, std::string token = {}) {
        auto out = request("GET", std::move(target));
        if (!token.empty()) out.headers.add("Authorization", "Bearer " + token);
        return send(std::move(out));
    }

    static ServedRequest form(std::string path, const FormFields& fields) {
        auto out = request("POST", std::move(path), print_form(fields));
        out.headers.add("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8");
        return out;
    }
    Reply post(std::string path, const FormFields& fields) {
        return send(form(std::move(path), fields));
    }

    /// A control, whose answer is expected to be JSON.
    boost::json::value control(std::string method, std::string name, std::string body = {}) {
        last = send(request(std::move(method), "/__emulator/" + name, std::move(body)));
        return json(last);
    }
    boost::json::value client(std::string body) { return control("POST", "clients", body); }
    std::int64_t total(std::string_view name) {
        return control("GET", "ledger").at("totals").at(name).to_number<std::int64_t>();
    }
    void pass(std::chrono::seconds by) { clock.advance(by); }

    static boost::json::value json(const Reply& reply) { return boost::json::parse(reply.body); }
    static std::string text(const boost::json::value& from, std::string_view name) {
        return std::string{from.at(name).as_string()};
    }
    static std::string error(const Reply& reply) {
        const auto body = json(reply);
        return text(body, "error") + ": " + text(body, "error_description");
    }
    static std::string header(const Reply& reply, std::string_view name) {
        return std::string{reply.headers.find(name).value_or("")};
    }

    /// The value of a page's hidden input.
    static std::string hidden(const Reply& page) {
        constexpr std::string_view mark = "name=\"flow\" value=\"";
        const auto start = page.body.find(mark);
        if (start == std::string::npos) return "";
        const auto from = start + mark.size();
        return page.body.substr(from, page.body.find('"', from) - from);
    }
    /// The fields a redirect carries in its query or fragment.
    static FormFields carried(const Reply& reply) {
        const std::string to = header(reply, "Location");
        const auto mark = to.find_first_of("?#");
        return mark == std::string::npos ? FormFields{} : parse_form(to.substr(mark + 1)).value();
    }
    static std::string carried(const Reply& reply, std::string_view name) {
        return only(carried(reply), name).value_or("");
    }

    /// What a client asks for, unless a test says otherwise.
    FormFields ask(FormFields changes = {}) const {
        FormFields out{{"response_type", "code"},
                       {"client_id", "latchkey-demo"},
                       {"redirect_uri", redirect_uri},
                       {"scope", "api refresh_token id"},
                       {"state", "s1"},
                       {"code_challenge", base64url(sha256(verifier))},
                       {"code_challenge_method", "S256"}};
        return changed(std::move(out), std::move(changes));
    }
    /// `fields` with `changes` over them; a change to "-" takes a field away.
    static FormFields changed(FormFields fields, FormFields changes) {
        for (auto& [name, value] : changes) {
            std::erase_if(fields, [&](const auto& field) { return field.first == name; });
            if (value != "-") fields.emplace_back(name, value);
        }
        return fields;
    }

    Reply authorize(FormFields changes = {}) {
        return get("/services/oauth2/authorize?" + print_form(ask(std::move(changes))));
    }
    /// Logs in on a login page; the answer is the consent page, or what comes instead.
    Reply log_in(const Reply& page, std::string who = "ada@acme.example",
                 std::string password = "latchkey") {
        return post(
            "/services/oauth2/authorize",
            {{"flow", hidden(page)}, {"username", std::move(who)}, {"pw", std::move(password)}});
    }
    Reply decide(const Reply& page, std::string decision = "allow") {
        return post("/services/oauth2/authorize",
                    {{"flow", hidden(page)}, {"decision", std::move(decision)}});
    }
    /// From the client's link to its callback.
    Reply walk(FormFields changes = {}, std::string who = "ada@acme.example") {
        return decide(log_in(authorize(std::move(changes)), std::move(who)));
    }

    FormFields exchange_of(const std::string& code) const {
        return {{"grant_type", "authorization_code"},
                {"code", code},
                {"redirect_uri", redirect_uri},
                {"client_id", "latchkey-demo"},
                {"client_secret", "latchkey-demo-secret"},
                {"code_verifier", verifier}};
    }
    Reply token(FormFields fields, FormFields changes = {}) {
        return post("/services/oauth2/token", changed(std::move(fields), std::move(changes)));
    }
    Reply exchange(const std::string& code, FormFields changes = {}) {
        return token(exchange_of(code), std::move(changes));
    }
    static FormFields refresh_of(const std::string& refresh_token) {
        return {{"grant_type", "refresh_token"},
                {"refresh_token", refresh_token},
                {"client_id", "latchkey-demo"},
                {"client_secret", "latchkey-demo-secret"}};
    }
    Reply refresh(const std::string& refresh_token, FormFields changes = {}) {
        return token(refresh_of(refresh_token), std::move(changes));
    }

    struct Tokens {
        std::string access;
        std::string refresh;
    };
    static Tokens tokens(const Reply& reply) {
        const auto body = json(reply);
        Tokens out{text(body, "access_token"), ""};
        if (const auto* given = body.as_object().if_contains("refresh_token")) {
            out.refresh = std::string{given->as_string()};
        }
        return out;
    }
    /// Connects a user and returns its tokens.
    Tokens connect(FormFields changes = {}, std::string who = "ada@acme.example") {
        return tokens(exchange(carried(walk(std::move(changes), std::move(who)), "code")));
    }
    int data_status(const std::string& access_token) {
        return get("/services/data/v68.0/limits", access_token).status;
    }
    bool active(const std::string& some_token) {
        return json(
                   post("/services/oauth2/introspect", {{"token", some_token},
                                                        {"client_id", "latchkey-demo"},
                                                        {"client_secret", "latchkey-demo-secret"}}))
            .at("active")
            .as_bool();
    }

    boost::asio::io_context loop;
    latchkey::test::FakeClock clock;
    NoLog log;
    Emulator emulator;
    Reply last;
    const std::string redirect_uri = "http://127.0.0.1:8717/oauth/callback/salesforce";
    const std::string verifier = std::string(43, 'v');
};

}  // namespace latchkey::emulator::test
