#pragma once

#include <string>

#include <doctest/doctest.h>
#include <boost/json.hpp>

#include "base/text.h"
#include "emulator/data/data_api.h"

namespace latchkey::emulator::rest::test {

namespace json = boost::json;

/// An org with one logged-in caller; requests go straight to the door.
struct DataBench {
    static constexpr std::uint64_t seed = 7;
    const std::string org_id = "00DLk0000000001MAA";
    const std::string user_id = "005Lk0000000001IAA";
    DataApi api{seed, org_id, user_id, "ada@acme.example"};
    Caller ada{org_id, user_id, "ada@acme.example",
               "http://127.0.0.1:8788/id/00DLk0000000001MAA/005Lk0000000001IAA"};
    WallTime now{std::chrono::seconds{1'795'600'000}};  // 2026-11-25T09:46:40Z
    Headers headers;                                    ///< sent with every request

    Reply send(std::string method, const std::string& target, std::string body = {}) {
        return api.handle(request(std::move(method), target, std::move(body)), ada, now);
    }
    ServedRequest request(std::string method, const std::string& target, std::string body = {}) {
        ServedRequest made;
        made.method = std::move(method);
        made.target = target;
        made.path = target.substr(0, target.find('?'));
        if (target.size() > made.path.size()) made.query = target.substr(made.path.size() + 1);
        made.headers = headers;
        made.body = std::move(body);
        return made;
    }

    /// Below the newest version: "sobjects/Account".
    Reply call(std::string method, const std::string& path, std::string body = {}) {
        return send(std::move(method), "/services/data/v68.0/" + path, std::move(body));
    }
    Reply ask(std::string_view soql, const std::string& resource = "query") {
        return call("GET", resource + "?q=" + percent_encode(soql));
    }
    json::array records(std::string_view soql, const std::string& resource = "query") {
        const Reply reply = ask(soql, resource);
        INFO(soql);
        INFO(reply.body);
        REQUIRE(reply.status == 200);
        return parsed(reply).at("records").as_array();
    }
    /// The one selected field of every record, joined by blanks.
    std::string column(std::string_view soql, std::string_view field) {
        std::string all;
        for (const json::value& record : records(soql)) {
            const json::value& value = record.at(field);
            if (!all.empty()) all += ' ';
            all += value.is_string() ? std::string(value.get_string()) : json::serialize(value);
        }
        return all;
    }
    std::int64_t total(std::string_view soql, const std::string& resource = "query") {
        const Reply reply = ask(soql, resource);
        INFO(soql);
        INFO(reply.body);
        REQUIRE(reply.status == 200);
        return parsed(reply).at("totalSize").to_number<std::int64_t>();
    }
    std::string create(const std::string& object, const json::value& body) {
        const Reply reply = call("POST", "sobjects/" + object, json::serialize(body));
        INFO(reply.body);
        REQUIRE(reply.status == 201);
        return std::string(parsed(reply).at("id").as_string());
    }

    static json::value parsed(const Reply& reply) {
        boost::system::error_code failed;
        json::value body = json::parse(reply.body, failed);
        REQUIRE_MESSAGE(!failed, reply.body);
        return body;
    }
    /// "400 MALFORMED_QUERY" of an error, whose body must have the form of Salesforce's errors;
    /// "200" of anything else.
    static std::string outcome(const Reply& reply) {
        std::string text = std::to_string(reply.status);
        if (reply.status < 400) return text;
        const json::value body = parsed(reply);
        REQUIRE(body.as_array().size() == 1);
        REQUIRE(body.at(0).at("message").is_string());
        return text + " " + std::string(body.at(0).at("errorCode").as_string());
    }
    static std::string message(const Reply& reply) {
        return std::string(parsed(reply).at(0).at("message").as_string());
    }
};

}  // namespace latchkey::emulator::rest::test
