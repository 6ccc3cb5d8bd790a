#include "service/metrics.h"

#include <algorithm>

#include <fmt/format.h>

namespace latchkey::service {
namespace {

const char* word(MetricKind kind) {
    switch (kind) {
        case MetricKind::counter:
            return "counter";
        case MetricKind::gauge:
            return "gauge";
        case MetricKind::histogram:
            break;
    }
    return "histogram";
}

void head(std::string& out, std::string_view name, std::string_view help, MetricKind kind) {
    fmt::format_to(std::back_inserter(out), "# HELP latchkey_{0} {1}\n# TYPE latchkey_{0} {2}\n",
                   name, help, word(kind));
}

std::string escaped(std::string_view value) {
    std::string out;
    for (const char c : value) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}

/// {a="x",b="y"}, or nothing at all; `last` stands at the end as it is.
std::string braced(const MetricFamily& family, const std::vector<std::string>& values,
                   std::string last = {}) {
    std::string inside;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!inside.empty()) inside += ',';
        inside += fmt::format("{}=\"{}\"", family.labels[i], escaped(values[i]));
    }
    if (!last.empty() && !inside.empty()) inside += ',';
    inside += last;
    return inside.empty() ? inside : "{" + inside + "}";
}

std::size_t label_count(const MetricFamily& family) {
    return static_cast<std::size_t>(
        std::ranges::count_if(family.labels, [](auto name) { return !name.empty(); }));
}

}  // namespace

void Metrics::count_request(std::string_view route, int status) {
    const std::lock_guard hold{guard_};
    auto* counted =
        series(metric_family("http_requests_total"), {std::string{route}, std::to_string(status)});
    if (counted != nullptr) ++counted->value;
}

void Metrics::set_requests(std::string_view route, int status, std::uint64_t count) {
    set("http_requests_total", {route, std::to_string(status)}, static_cast<double>(count));
}

void Metrics::count_event(std::string_view event) {
    const std::lock_guard hold{guard_};
    auto* counted = series(metric_family("events_total"), {std::string{event}});
    if (counted != nullptr) ++counted->value;
}

void Metrics::measure(const Measurement& measured) {
    const std::lock_guard hold{guard_};
    const auto* family = metric_family(measured.name);
    Labels values;
    for (const auto& [name, value] : measured.labels) {
        const bool expected = family != nullptr && values.size() < family->labels.size() &&
                              family->labels[values.size()] == name;
        if (!expected) {
            ++dropped_;
            return;
        }
        values.emplace_back(value);
    }
    const bool timed = family != nullptr && family->kind == MetricKind::histogram;
    if (timed != measured.seconds.has_value()) {
        ++dropped_;
        return;
    }
    auto* into = series(family, std::move(values));
    if (into == nullptr) return;
    if (!timed) {
        ++into->value;
        return;
    }
    into->value += *measured.seconds;
    ++into->count;
    into->buckets.resize(family->buckets.size());
    const auto place = std::ranges::lower_bound(family->buckets, *measured.seconds);
    const auto index = static_cast<std::size_t>(place - family->buckets.begin());
    if (index < into->buckets.size()) ++into->buckets[index];
}

void Metrics::set(std::string_view name, std::initializer_list<std::string_view> values,
                  double to) {
    const std::lock_guard hold{guard_};
    Labels labels;
    for (const auto value : values) labels.emplace_back(value);
    auto* into = series(metric_family(name), std::move(labels));
    if (into != nullptr) into->value = to;
}

void Metrics::forget(std::string_view name) {
    const std::lock_guard hold{guard_};
    all_.erase(name);
}

/// nullptr, and counted as dropped, for what is not provided for.
Metrics::Series* Metrics::series(const MetricFamily* family, Labels values) {
    if (family == nullptr || values.size() != label_count(*family)) {
        ++dropped_;
        return nullptr;
    }
    auto& of_family = all_[family->name];
    const auto found = of_family.find(values);
    if (found != of_family.end()) return &found->second;
    if (of_family.size() >= most_series) {
        ++dropped_;
        return nullptr;
    }
    return &of_family[std::move(values)];
}

std::string Metrics::text() const {
    const std::lock_guard hold{guard_};
    std::string out;
    const auto line = [&](std::string_view name, std::string_view end, const std::string& labels,
                          auto value) {
        fmt::format_to(std::back_inserter(out), "latchkey_{}{}{} {}\n", name, end, labels, value);
    };
    for (const auto& family : metric_families()) {
        head(out, family.name, family.help, family.kind);
        const auto found = all_.find(family.name);
        if (found == all_.end()) continue;
        for (const auto& [values, kept] : found->second) {
            if (family.kind != MetricKind::histogram) {
                line(family.name, "", braced(family, values), kept.value);
                continue;
            }
            std::uint64_t below = 0;
            for (std::size_t i = 0; i < family.buckets.size(); ++i) {
                below += kept.buckets[i];
                const auto le = fmt::format("le=\"{}\"", family.buckets[i]);
                line(family.name, "_bucket", braced(family, values, le), below);
            }
            line(family.name, "_bucket", braced(family, values, "le=\"+Inf\""), kept.count);
            line(family.name, "_sum", braced(family, values), kept.value);
            line(family.name, "_count", braced(family, values), kept.count);
        }
    }
    constexpr std::string_view dropped = "measurements_dropped_total";
    head(out, dropped, "Measurements that fit no metric; a fault of latchkey.",
         MetricKind::counter);
    line(dropped, "", {}, dropped_);
    return out;
}

}  // namespace latchkey::service
