#include "bank.hpp"

#include <algorithm>
#include <cmath>

namespace twin {

namespace {
constexpr auto kLookAround = std::chrono::milliseconds(250);
}

Bank::Bank(Loop& loop, const BankOptions& options)
    : loop_(loop),
      options_(options),
      rng_(options.seed ^ 0xba2cULL),
      server_(loop, options.port, [this](HttpServer::Ticket ticket, const HttpRequest&) { arrive(ticket); }) {
    loop_.every(kLookAround, [this](TimePoint) { look_around(tidegate::Seconds(kLookAround).count()); });
}

double Bank::capacity() const {
    return options_.capacity * factor_ * (1 - 0.5 * contention_);
}

double Bank::lock_waits() const {
    if (!options_.collapse) return 0;
    return std::exp((std::min(utilisation_, 1.5) - 0.55) / 0.08) * (1 + 2 * contention_);
}

void Bank::arrive(HttpServer::Ticket ticket) {
    ++arrived_;
    if (busy_ < options_.workers) {
        start(ticket, Loop::now());
    } else if (static_cast<double>(queue_.size()) < options_.queue_seconds * options_.capacity) {
        queue_.push_back(ticket);
    } else {
        ++turned_away_;
        server_.answer(ticket, {503, R"({"error":"busy"})", "application/json", "Retry-After: 5\r\n"});
    }
}

void Bank::start(HttpServer::Ticket ticket, TimePoint when) {
    ++busy_;
    const double mean = static_cast<double>(options_.workers) / std::max(capacity(), 1e-3);
    const double median = mean * std::exp(-options_.jitter * options_.jitter / 2);
    const TimePoint end = tidegate::after(when, std::min(rng_.log_normal(median, options_.jitter), 60.0));
    loop_.at(end, [this, ticket, end] { finish(ticket, end); });
}

void Bank::finish(HttpServer::Ticket ticket, TimePoint when) {
    --busy_;
    // The next one starts at the instant this one was due, not when the loop came round to it: capacity stays exact on
    // a busy machine.
    if (!queue_.empty()) {
        const auto next = queue_.front();
        queue_.pop_front();
        start(next, when);
    }
    if (!server_.answer(ticket, {200, R"({"balance":1250000,"currency":"KRW"})", "application/json", {}})) {
        ++answered_nobody_;
    }
}

void Bank::look_around(double seconds) {
    const double capacity_now = std::max(capacity(), 1e-3);
    const double offered = static_cast<double>(arrived_ - arrived_before_) / seconds;
    arrived_before_ = arrived_;
    const double weight = 1 - std::pow(0.8, seconds);
    utilisation_ += weight * (offered / capacity_now - utilisation_);
    if (!options_.collapse) return;
    if (utilisation_ > 0.88) {
        contention_ += 0.1 * seconds;
    } else if (utilisation_ < 0.70 && queue_.empty()) {
        contention_ -= seconds / 30;
    }
    contention_ = std::clamp(contention_, 0.0, 1.0);
}

}  // namespace twin
