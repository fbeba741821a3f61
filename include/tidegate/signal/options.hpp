#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate {

/// A query besides the latency, with the value it must stay under.
struct ExtraQuery {
    std::string name{};   ///< for messages and reports
    std::string query{};  ///< PromQL, or a JSON Pointer for `json`
    double limit = 0.0;   ///< > 0

    bool operator==(const ExtraQuery&) const = default;
};

/// We request `url` ourselves; p99 over a window that grows until it holds 50 samples.
struct ProbeSignal {
    std::string url{};                           ///< what to request
    double per_second = 5.0;                     ///< > 0; 50 samples must fit `max_age`
    Duration timeout = std::chrono::seconds(2);  ///< a time-out counts as an error and as this latency
    std::string ca{};                            ///< extra trust anchor, PEM file

    bool operator==(const ProbeSignal&) const = default;
};

/// Instant queries against a Prometheus server's HTTP API; values in seconds, requests/s, ratio.
struct PrometheusSignal {
    std::string url{};                         ///< of the server, without /api
    Duration every = std::chrono::seconds(5);  ///< period
    std::string p99{};                         ///< PromQL, seconds; required
    std::string load{};                        ///< optional but much better
    std::string errors{};                      ///< optional
    std::string at{};                 ///< epoch seconds of the evidence; required, or a dead exporter looks alive
    std::string opens{};              ///< optional: opens/s
    std::vector<ExtraQuery> extra{};  ///< leading signals
    Duration timeout = std::chrono::seconds(3);  ///< for one query
    std::string ca{};                            ///< extra trust anchor, PEM file

    bool operator==(const PrometheusSignal&) const = default;
};

/// One GET of a JSON document; fields by JSON Pointer (RFC 6901).
struct JsonSignal {
    std::string url{};                           ///< of the document
    Duration every = std::chrono::seconds(5);    ///< period
    std::string p99 = "/p99";                    ///< JSON Pointer; required
    std::string load{};                          ///< optional but much better: requests/s
    std::string errors{};                        ///< optional: share of requests
    std::string at{};                            ///< epoch seconds; empty = time of arrival
    std::string opens{};                         ///< optional: opens/s
    bool milliseconds = false;                   ///< unit of p99; default seconds
    std::vector<ExtraQuery> extra{};             ///< leading signals
    Duration timeout = std::chrono::seconds(3);  ///< for one request
    std::string ca{};                            ///< extra trust anchor, PEM file

    bool operator==(const JsonSignal&) const = default;
};

/// Samples come through `Gate::push_sample` or `POST /backends/NAME/samples`.
struct PushSignal {
    Duration every = std::chrono::seconds(5);  ///< the period the host intends to keep

    bool operator==(const PushSignal&) const = default;
};

/// How one backend is watched.
using SignalOptions = std::variant<ProbeSignal, PrometheusSignal, JsonSignal, PushSignal>;

/// How often the signal brings a new sample.
TIDEGATE_EXPORT Duration period_of(const SignalOptions& signal);

/// All faults of one signal, `where` naming the key ("url", "at"). `max_age` is the backend's.
TIDEGATE_EXPORT Faults validate(const SignalOptions& signal, Duration max_age);

}  // namespace tidegate
