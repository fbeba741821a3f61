#include "tidegate/signal/options.hpp"

#include <cmath>
#include <set>
#include <string_view>

#include "signal/probe_window.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate {

namespace {

/// Collects the faults of one signal.
class Check {
  public:
    void fault(std::string where, std::string what, std::string hint) {
        faults.push_back({Errc::invalid, std::move(what), std::move(where), std::move(hint)});
    }

    void url(const std::string& value) {
        const std::string_view text = value;
        const bool http = text.rfind("http://", 0) == 0 && text.size() > 7;
        const bool https = text.rfind("https://", 0) == 0 && text.size() > 8;
        if (!http && !https) fault("url", "is not an address of HTTP", "write it like \"http://127.0.0.1:9090\"");
    }

    void period(Duration every, Duration max_age) {
        if (every <= Duration::zero()) {
            fault("every", "must be more than nothing", "\"5s\" is usual");
        } else if (every > max_age) {
            fault("every", format_duration(every) + " is longer than max_age, " + format_duration(max_age),
                  "look more often, or the gate holds between samples");
        }
    }

    void timeout(Duration value) {
        if (value <= Duration::zero()) fault("timeout", "must be more than nothing", "\"3s\" is usual");
    }

    void extra(const std::vector<ExtraQuery>& queries, bool pointers) {
        std::set<std::string> names;
        for (std::size_t i = 0; i < queries.size(); ++i) {
            const auto& one = queries[i];
            const std::string where = "extra[" + std::to_string(i) + "].";
            if (one.name.empty()) {
                fault(where + "name", "is missing", "name what it measures, \"lock_waits\"");
            } else if (!names.insert(one.name).second) {
                fault(where + "name", "\"" + one.name + "\" is there twice", "give each its own name");
            }
            if (one.query.empty()) {
                fault(where + "query", "is missing", "say what to ask");
            } else if (pointers) {
                pointer(where + "query", one.query);
            }
            if (!(one.limit > 0.0) || !std::isfinite(one.limit)) {
                fault(where + "limit", "must be a number above 0", "give the value it must stay under");
            }
        }
    }

    /// RFC 6901: empty or "/a/b"; "~" only as "~0" or "~1".
    void pointer(const std::string& where, const std::string& text) {
        if (text.empty()) return;
        bool good = text.front() == '/';
        for (std::size_t i = 0; good && i < text.size(); ++i) {
            if (text[i] == '~') good = i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1');
        }
        if (!good) fault(where, "\"" + text + "\" is not a JSON Pointer", "write it like \"/metrics/p99\"");
    }

    Faults faults;
};

struct Validate {
    Duration max_age;

    Faults operator()(const ProbeSignal& signal) const {
        Check check;
        check.url(signal.url);
        if (!(signal.per_second > 0.0) || !std::isfinite(signal.per_second) || signal.per_second > 1000.0) {
            check.fault("per_second", "must be above 0 and at most 1000", "5 is usual");
        } else if (period_of(signal) > max_age) {
            check.fault("per_second",
                        std::to_string(signal::kProbeSamples) + " samples take " + format_duration(period_of(signal)) +
                            ", longer than max_age, " + format_duration(max_age),
                        "probe more often or allow older telemetry");
        }
        check.timeout(signal.timeout);
        return check.faults;
    }

    Faults operator()(const PrometheusSignal& signal) const {
        Check check;
        check.url(signal.url);
        check.period(signal.every, max_age);
        if (signal.p99.empty()) check.fault("p99", "is missing", "give the query for the latency in seconds");
        if (signal.at.empty()) {
            check.fault("at", "is missing: a dead exporter would look alive",
                        "ask for the time of the evidence, min(timestamp(...)) of a series you use");
        }
        check.extra(signal.extra, false);
        check.timeout(signal.timeout);
        return check.faults;
    }

    Faults operator()(const JsonSignal& signal) const {
        Check check;
        check.url(signal.url);
        check.period(signal.every, max_age);
        if (signal.p99.empty()) check.fault("p99", "is missing", "give the JSON Pointer of the latency");
        check.pointer("p99", signal.p99);
        check.pointer("load", signal.load);
        check.pointer("errors", signal.errors);
        check.pointer("at", signal.at);
        check.pointer("opens", signal.opens);
        check.extra(signal.extra, true);
        check.timeout(signal.timeout);
        return check.faults;
    }

    Faults operator()(const PushSignal& signal) const {
        Check check;
        check.period(signal.every, max_age);
        return check.faults;
    }
};

struct Period {
    Duration operator()(const ProbeSignal& signal) const {
        const double seconds = static_cast<double>(signal::kProbeSamples) / signal.per_second;
        // Beyond a day nothing is a period; validate() says so in its own words.
        return seconds > 0.0 && seconds < 86400.0 ? std::chrono::duration_cast<Duration>(Seconds(seconds))
                                                  : Duration(std::chrono::hours(24));
    }
    template <class Other>
    Duration operator()(const Other& signal) const {
        return signal.every;
    }
};

}  // namespace

Duration period_of(const SignalOptions& signal) {
    return std::visit(Period{}, signal);
}

Faults validate(const SignalOptions& signal, Duration max_age) {
    return std::visit(Validate{max_age}, signal);
}

}  // namespace tidegate
