#include "measures.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace twin {

namespace {

constexpr auto kWindow = std::chrono::seconds(2);
constexpr auto kLook = std::chrono::milliseconds(250);

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    char text[40];
    std::snprintf(text, sizeof text, "%.6g", value);
    return text;
}

std::string json_number(double value) {
    return std::isfinite(value) ? number(value) : "null";
}

/// Nearest rank.
double percentile_99(std::vector<float>& values) {
    const auto rank = static_cast<std::size_t>(std::ceil(0.99 * static_cast<double>(values.size())));
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
    std::nth_element(values.begin(), at, values.end());
    return static_cast<double>(*at);
}

}  // namespace

double epoch_seconds() {
    return tidegate::Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

const std::vector<double>& Measures::edges() {
    static const std::vector<double> all = [] {
        std::vector<double> edges;
        for (double edge = 0.005; edge < 5.2; edge *= 1.15) edges.push_back(std::round(edge * 1e5) / 1e5);
        return edges;
    }();
    return all;
}

Measures::Measures(Loop& loop, const Bank& bank, const Customers& customers, Duration slo)
    : bank_(bank),
      customers_(customers),
      slo_ms_(tidegate::Seconds(slo).count() * 1000),
      started_epoch_(epoch_seconds()),
      buckets_(edges().size() + 1) {
    reading_ = {std::numeric_limits<double>::quiet_NaN(), 0, 0, 0, started_epoch_};
    reset();
    loop.every(kLook, [this](TimePoint) { look(Loop::now()); });
    loop.every(std::chrono::seconds(1), [this](TimePoint) { close_second(Loop::now()); });
}

void Measures::answered(const Customers::Answer& answer) {
    const double seconds = tidegate::Seconds(answer.waited).count();
    const bool failed = answer.status != 200;
    ++(answer.status == 200 ? ok_ : answer.status == 0 ? given_up_ : answer.status < 0 ? broken_ : turned_away_);
    const auto edge = std::lower_bound(edges().begin(), edges().end(), seconds);
    ++buckets_[static_cast<std::size_t>(edge - edges().begin())];
    latency_sum_ += seconds;
    window_.push_back({answer.at, static_cast<float>(seconds), failed});
    this_second_.push_back(static_cast<float>(seconds));
    ++requests_;
    if (failed) ++failed_;
}

void Measures::sent(TimePoint at) {
    if (sends_ == base_sends_) first_send_ = at;
    last_send_ = at;
    ++sends_;
}

void Measures::reset() {
    requests_ = failed_ = retries_ = seconds_over_slo_ = 0;
    base_sends_ = sends_;
    base_opens_ = opens_;
    base_given_up_ = given_up_;
    base_turned_away_ = turned_away_;
    peak_p99_ms_ = 0;
    series_.clear();
    this_second_.clear();
    since_epoch_ = epoch_seconds();
    mark_ = {sends_, opens_, bank_.arrived(), 0, 0};
}

double Measures::p99_ms(std::vector<float> latencies, TimePoint now) const {
    double p99 = latencies.empty() ? 0.0 : percentile_99(latencies);
    const auto ages = customers_.waiting_longer(now, std::chrono::duration_cast<Duration>(tidegate::Seconds(p99)));
    latencies.insert(latencies.end(), ages.begin(), ages.end());
    if (latencies.empty()) return std::numeric_limits<double>::quiet_NaN();
    return percentile_99(latencies) * 1000;
}

void Measures::look(TimePoint now) {
    while (!window_.empty() && window_.front().at <= now - kWindow) window_.pop_front();
    while (counts_.size() > 1 && counts_.front().at < now - kWindow) counts_.pop_front();
    std::vector<float> latencies;
    latencies.reserve(window_.size());
    std::size_t failed = 0;
    for (const auto& one : window_) {
        latencies.push_back(one.latency);
        failed += one.failed ? 1 : 0;
    }
    const Counts current{now, bank_.arrived(), opens_};
    const Counts before = counts_.empty() ? current : counts_.front();
    const double span = std::max(tidegate::seconds_between(before.at, now), 1e-3);
    reading_.load = static_cast<double>(current.arrived - before.arrived) / span;
    reading_.opens = static_cast<double>(current.opens - before.opens) / span;
    reading_.errors = window_.empty() ? 0 : static_cast<double>(failed) / static_cast<double>(window_.size());
    reading_.p99_ms = p99_ms(std::move(latencies), now);
    reading_.at = epoch_seconds();
    counts_.push_back(current);
}

void Measures::close_second(TimePoint now) {
    SecondOf second{sends_ - mark_.sends, opens_ - mark_.opens, bank_.arrived() - mark_.load, failed_ - mark_.failed,
                    p99_ms(std::move(this_second_), now)};
    this_second_.clear();
    mark_ = {sends_, opens_, bank_.arrived(), failed_, 0};
    if (second.p99_ms > slo_ms_) ++seconds_over_slo_;
    if (second.p99_ms > peak_p99_ms_) peak_p99_ms_ = second.p99_ms;
    series_.push_back(second);
}

std::string Measures::page() const {
    std::string out;
    const auto line = [&out](const std::string& name, double value) { out += name + ' ' + number(value) + '\n'; };
    const auto count = [&out](const std::string& name, std::uint64_t value) {
        out += name + ' ' + std::to_string(value) + '\n';
    };
    out +=
        "# HELP http_request_duration_seconds From the customer's wish to the answer; giving up counts as the "
        "patience.\n# TYPE http_request_duration_seconds histogram\n";
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        total += buckets_[i];
        const std::string edge = i < edges().size() ? number(edges()[i]) : "+Inf";
        count("http_request_duration_seconds_bucket{le=\"" + edge + "\"}", total);
    }
    line("http_request_duration_seconds_sum", latency_sum_);
    count("http_request_duration_seconds_count", total);
    out +=
        "# HELP http_requests_total Customer requests by result; 504 is a customer who gave up, 502 a lost "
        "connection.\n# TYPE http_requests_total counter\n";
    count("http_requests_total{code=\"200\"}", ok_);
    count("http_requests_total{code=\"502\"}", broken_);
    count("http_requests_total{code=\"503\"}", turned_away_);
    count("http_requests_total{code=\"504\"}", given_up_);
    out += "# TYPE pg_lock_waits gauge\n";
    line("pg_lock_waits", bank_.lock_waits());
    out += "# TYPE bank_queue_length gauge\n";
    count("bank_queue_length", bank_.queued());
    out += "# TYPE bank_capacity gauge\n";
    line("bank_capacity", bank_.capacity());
    out += "# TYPE app_opens_total counter\n";
    count("app_opens_total", opens_);
    out += "# TYPE provider_messages_total counter\n";
    count("provider_messages_total", sends_);
    out += "# TYPE process_start_time_seconds gauge\n";
    char text[64];
    std::snprintf(text, sizeof text, "process_start_time_seconds %.3f\n", started_epoch_);
    return out + text;
}

std::string Measures::summary(bool with_series) const {
    char text[640];
    std::snprintf(text, sizeof text,
                  R"({"schema":1,"since":%.3f,"elapsed_s":%.1f,"slo_ms":%.6g,"sends":%llu,"send_elapsed_s":%.3f,)"
                  R"("requests":%llu,"failed":%llu,"gave_up":%llu,"turned_away":%llu,"retries":%llu,"opens":%llu,)"
                  R"("peak_p99_ms":%.6g,"seconds_over_slo":%llu)",
                  since_epoch_, epoch_seconds() - since_epoch_, slo_ms_,
                  static_cast<unsigned long long>(sends_ - base_sends_),
                  sends_ == base_sends_ ? 0.0 : tidegate::seconds_between(first_send_, last_send_),
                  static_cast<unsigned long long>(requests_), static_cast<unsigned long long>(failed_),
                  static_cast<unsigned long long>(given_up_ - base_given_up_),
                  static_cast<unsigned long long>(turned_away_ - base_turned_away_),
                  static_cast<unsigned long long>(retries_), static_cast<unsigned long long>(opens_ - base_opens_),
                  peak_p99_ms_, static_cast<unsigned long long>(seconds_over_slo_));
    std::string out = text;
    if (!with_series) return out;
    out += R"(,"series":[)";
    for (std::size_t t = 0; t < series_.size(); ++t) {
        const auto& one = series_[t];
        out += (t == 0 ? "" : ",") + std::string(R"({"t":)") + std::to_string(t) + R"(,"sends":)" +
               std::to_string(one.sends) + R"(,"opens":)" + std::to_string(one.opens) + R"(,"load":)" +
               std::to_string(one.load) + R"(,"p99_ms":)" + json_number(one.p99_ms) + R"(,"failed":)" +
               std::to_string(one.failed) + '}';
    }
    return out + ']';
}

}  // namespace twin
