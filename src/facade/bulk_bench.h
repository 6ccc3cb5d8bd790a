#pragma once

#include <string>
#include <vector>

#include <boost/json.hpp>

#include <latchkey/bulk.h>

#include "facade/facade_bench.h"

/// What the tests of the bulk API stand on: a connected user, and jobs as the emulator tells them.
namespace latchkey::test {

inline const std::string ingest = "/services/data/v68.0/jobs/ingest";
inline const std::string queries = "/services/data/v68.0/jobs/query";

struct BulkBench : FacadeBench {
    std::unique_ptr<Latchkey> latchkey = open();
    Connection ada = connect(*latchkey).value();
    Rest rest{*latchkey, ada.id};
    Bulk bulk{rest};

    std::int64_t calls_today() {
        return control("GET", "data").at("used_today").to_number<std::int64_t>();
    }
    void generate(int records) {
        control("POST", "data",
                R"({"daily_limit": 100000, "generated_records": )" + std::to_string(records) + "}");
    }
    boost::json::value ask(const std::string& target, const std::string& method = "GET",
                           const std::string& body = "") {
        ApiRequest request{ada.id, method, target, body};
        if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
        return boost::json::parse(latchkey->call(std::move(request)).value().body);
    }
    boost::json::array jobs(const std::string& kind) { return ask(kind).at("records").as_array(); }
    /// What befalls the next requests about ingest jobs, in their order; "" is nothing.
    void befall(const std::vector<std::string>& faults) {
        for (const auto& fault : faults) {
            control("POST", "faults",
                    R"({"path": ")" + ingest + R"(", )" +
                        (fault.empty() ? R"("when": "after", "delay_ms": 1)" : fault) + "}");
        }
    }
    std::size_t accounts(const std::string& where) {
        return rest.query("SELECT Id FROM Account WHERE " + where).next().value().size();
    }
};

}  // namespace latchkey::test
