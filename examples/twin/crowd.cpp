#include "crowd.hpp"

#include <cmath>

namespace twin {

namespace {

/// FNV-1a: stable across machines, which std::hash is not.
std::uint64_t hash(std::string_view text, std::uint64_t seed) {
    std::uint64_t value = 0xcbf29ce484222325ULL ^ (seed * 0x9e3779b97f4a7c15ULL);
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return value;
}

}  // namespace

Crowd::Crowd(Loop& loop, const CrowdOptions& options)
    : loop_(loop), options_(options), arrivals_(options.seed ^ 0xc20dULL), retries_(options.seed ^ 0x2e72ULL) {}

void Crowd::begin(Customers& customers, Measures& measures) {
    customers_ = &customers;
    measures_ = &measures;
    baseline(Loop::now());
}

void Crowd::baseline(TimePoint when) {
    const double rate = options_.baseline * surge_;
    if (rate <= 0) {
        loop_.at(when + std::chrono::milliseconds(100),
                 [this, when] { baseline(when + std::chrono::milliseconds(100)); });
        return;
    }
    const TimePoint next = tidegate::after(when, -std::log(1 - arrivals_.uniform()) / rate);
    loop_.at(next, [this, next] {
        ask(0);
        baseline(next);
    });
}

void Crowd::ask(int attempt) {
    attempt_[customers_->request()] = attempt;
}

void Crowd::ask_later(TimePoint when, int attempt) {
    loop_.at(when, [this, attempt] { ask(attempt); });
}

std::uint64_t Crowd::whole(double expected, double chance) {
    const double floor = std::floor(expected);
    return static_cast<std::uint64_t>(floor) + (chance < expected - floor ? 1 : 0);
}

void Crowd::delivered(std::string_view address, TimePoint at) {
    tidegate::Rng member(hash(address, options_.seed));
    const auto at_delivery = whole(options_.per_delivery, member.uniform());
    const bool opens = member.uniform() < options_.open_rate;
    const double lag = member.log_normal(options_.median, options_.spread);
    for (std::uint64_t i = 0; i < at_delivery; ++i) ask_later(at, 0);
    if (!opens) return;
    const TimePoint open_at = tidegate::after(at, std::min(lag, 86400.0 * 7));
    const auto requests = whole(options_.per_open, member.uniform());
    loop_.at(open_at, [this, open_at, requests, member, generation = generation_]() mutable {
        if (generation != generation_) return;
        measures_->opened();
        for (std::uint64_t i = 0; i < requests; ++i) {
            ask_later(i == 0 ? open_at : tidegate::after(open_at, 0.5 * member.uniform()), 0);
        }
    });
}

void Crowd::answered(const Customers::Answer& answer) {
    const auto node = attempt_.extract(answer.id);
    if (node.empty() || answer.status == 200 || node.mapped() > 0) return;
    if (retries_.uniform() >= options_.retry) return;
    measures_->retried();
    ask_later(tidegate::after(answer.at, 3 + 2 * retries_.uniform()), 1);
}

}  // namespace twin
