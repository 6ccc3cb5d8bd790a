#include "service/metrics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace latchkey;
using latchkey::service::metric_families;
using latchkey::service::MetricKind;
using latchkey::service::Metrics;

namespace {

Measurement measured(std::string_view name,
                     std::vector<std::pair<std::string_view, std::string_view>> labels,
                     std::optional<double> seconds = std::nullopt) {
    Measurement m;
    m.name = name;
    m.labels = std::move(labels);
    m.seconds = seconds;
    return m;
}

bool has(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("every metric says what it is, whether it has happened yet or not") {
    const auto text = Metrics{}.text();
    std::set<std::string_view> names;
    for (const auto& family : metric_families()) {
        CHECK(names.insert(family.name).second);
        CHECK(text.find("# HELP latchkey_" + std::string{family.name} + " ") != std::string::npos);
        CHECK(text.find("# TYPE latchkey_" + std::string{family.name} + " ") != std::string::npos);
        CHECK((family.kind == MetricKind::histogram) == !family.buckets.empty());
    }
}

TEST_CASE("a counter has one line for each set of labels") {
    Metrics metrics;
    for (int i = 0; i < 3; ++i)
        metrics.measure(
            measured("refresh_attempts_total",
                     {{"provider", "salesforce"}, {"result", "rotated"}, {"code", ""}}));
    metrics.count_request("/metrics", 200);
    const auto text = metrics.text();
    CHECK(has(text,
              "latchkey_refresh_attempts_total{provider=\"salesforce\",result=\"rotated\","
              "code=\"\"} 3"));
    CHECK(has(text, "latchkey_http_requests_total{route=\"/metrics\",status=\"200\"} 1"));
}

TEST_CASE("a histogram adds its buckets up, and what is beyond them stands in +Inf") {
    Metrics metrics;
    for (const double seconds : {0.05, 0.2, 0.2, 100.0})
        metrics.measure(measured("refresh_seconds", {{"provider", "salesforce"}}, seconds));
    const auto text = metrics.text();
    const std::string name = "latchkey_refresh_seconds";
    CHECK(has(text, name + "_bucket{provider=\"salesforce\",le=\"0.05\"} 1"));
    CHECK(has(text, name + "_bucket{provider=\"salesforce\",le=\"0.1\"} 1"));
    CHECK(has(text, name + "_bucket{provider=\"salesforce\",le=\"0.25\"} 3"));
    CHECK(has(text, name + "_bucket{provider=\"salesforce\",le=\"60\"} 3"));
    CHECK(has(text, name + "_bucket{provider=\"salesforce\",le=\"+Inf\"} 4"));
    CHECK(has(text, name + "_sum{provider=\"salesforce\"} 100.45"));
    CHECK(has(text, name + "_count{provider=\"salesforce\"} 4"));
}

TEST_CASE("N5: what fits no metric is dropped and counted, whatever its labels say") {
    Metrics metrics;
    metrics.measure(measured("refresh_of_cn_ada", {{"provider", "salesforce"}}));
    metrics.measure(measured("refresh_shared_total", {{"connection", "cn_ada"}}));
    metrics.measure(measured("refresh_shared_total", {}));
    metrics.measure(measured("refresh_shared_total", {{"provider", "salesforce"}}, 1.0));
    metrics.measure(measured("refresh_seconds", {{"provider", "salesforce"}}));
    const auto text = metrics.text();
    CHECK(text.find("cn_ada") == std::string::npos);
    CHECK(has(text, "latchkey_measurements_dropped_total 5"));
}

TEST_CASE("N5: the number of lines has a bound, even where a label should take many values") {
    Metrics metrics;
    for (int i = 0; i < 3000; ++i) metrics.count_event("event_" + std::to_string(i));
    const auto text = metrics.text();
    CHECK(std::ranges::count(text, '\n') < 1200);
    CHECK(has(text, "latchkey_measurements_dropped_total 2000"));
    metrics.count_event("event_1");
    CHECK(has(metrics.text(), "latchkey_events_total{event=\"event_1\"} 2"));
}

TEST_CASE("a label's value cannot end its line") {
    Metrics metrics;
    metrics.count_event("a\"} 1\nfake 2\\");
    CHECK(has(metrics.text(), "latchkey_events_total{event=\"a\\\"} 1\\nfake 2\\\\\"} 1"));
}
