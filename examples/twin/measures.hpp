#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "bank.hpp"
#include "customers.hpp"
#include "loop.hpp"

namespace twin {

/// One second as the customers lived it.
struct SecondOf {
    std::uint64_t sends = 0, opens = 0, load = 0, failed = 0;
    double p99_ms = 0;
};

/// The last two seconds, renewed every quarter of a second.
struct Reading {
    double p99_ms = 0;  ///< NaN when nobody asked for anything
    double load = 0, errors = 0, opens = 0;
    double at = 0;  ///< epoch seconds
};

/// What the twin counts. Latency is the customer's: from wanting to answer. Giving up counts as the patience and as an
/// error, and those still waiting for longer than everybody else's p99 count with the time they have waited so far.
class Measures {
  public:
    Measures(Loop& loop, const Bank& bank, const Customers& customers, Duration slo);

    void answered(const Customers::Answer& answer);
    void sent(TimePoint at);
    void opened() { ++opens_; }
    void retried() { ++retries_; }
    /// Starts the summary and its series again; counters of the Prometheus page go on.
    void reset();

    const Reading& reading() const { return reading_; }
    /// The Prometheus text page.
    std::string page() const;
    /// What happened since the start or the last reset, as one JSON object; the caller closes it.
    std::string summary(bool with_series) const;

    /// Upper edges of the histogram in seconds: 50 of them from 5 ms to 5 s, 15 % apart.
    static const std::vector<double>& edges();

  private:
    struct Completed {
        TimePoint at{};
        float latency = 0;
        bool failed = false;
    };
    struct Counts {
        TimePoint at{};
        std::uint64_t arrived = 0, opens = 0;
    };
    double p99_ms(std::vector<float> latencies, TimePoint now) const;
    void look(TimePoint now);
    void close_second(TimePoint now);

    const Bank& bank_;
    const Customers& customers_;
    double slo_ms_;
    double started_epoch_;
    Reading reading_;
    std::deque<Completed> window_;
    std::deque<Counts> counts_;
    std::vector<float> this_second_;
    // Since the process began.
    std::vector<std::uint64_t> buckets_;
    double latency_sum_ = 0;
    std::uint64_t ok_ = 0, turned_away_ = 0, given_up_ = 0, broken_ = 0, opens_ = 0, sends_ = 0;
    // Since the last reset.
    std::uint64_t generation_ = 0;
    double since_epoch_ = 0;
    TimePoint first_send_{}, last_send_{};
    std::uint64_t requests_ = 0, failed_ = 0, retries_ = 0, base_sends_ = 0, base_opens_ = 0, base_given_up_ = 0,
                  base_turned_away_ = 0;
    double peak_p99_ms_ = 0;
    std::uint64_t seconds_over_slo_ = 0;
    std::vector<SecondOf> series_;
    SecondOf mark_;
};

double epoch_seconds();

}  // namespace twin
