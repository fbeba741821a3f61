#include "sim/people.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::sim {

People::People(const Crowd& crowd, std::size_t count, std::uint64_t seed)
    : crowd_(crowd), curve_(crowd), kernel_(crowd.lags), seed_(seed), copies_(count) {}

void People::deliver(std::int64_t person, double at_s, double age_s) {
    std::uint8_t& copies = copies_[static_cast<std::size_t>(person)];
    if (copies == 2) return;
    if (++copies == 2) {
        ++twice_;
        return;
    }
    ++reached_;
    Rng chance(seed_ + static_cast<std::uint64_t>(person));
    const double order = static_cast<double>(reached_) / static_cast<double>(copies_.size());
    const double often = curve_.engagement(order);
    // Who is told before the instant everybody waits for comes at that instant and not by the curve.
    if (crowd_.rush && at_s < crowd_.rush->at_s) {
        const Rush& rush = *crowd_.rush;
        if (chance.uniform() >= rush.rate * often) return;
        const double first = rush.at_s + chance.log_normal(rush.median_s, rush.spread);
        plan(person, first, age_s + first - at_s);
        if (chance.uniform() >= rush.again_share) return;
        const double again = rush.at_s + chance.log_normal(rush.again_s, rush.spread);
        plan(person, again, age_s + again - at_s);
        return;
    }
    if (chance.uniform() >= crowd_.open_rate * often) return;
    // Both grains leave out the latest opens, so that a rehearsal ends.
    double lag = kernel_.draw(chance);
    while (lag > static_cast<double>(curve_.end())) lag = kernel_.draw(chance);
    plan(person, at_s + lag, age_s + lag);
}

void People::plan(std::int64_t person, double at_s, double age_s) {
    // Answers are looked at every few milliseconds: what happened at the very end of a second counts to the next.
    const auto second = std::max(static_cast<std::size_t>(at_s), next_);
    if (openings_.size() <= second) openings_.resize(second + 1);
    openings_[second].push_back({person, at_s, age_s});
    ++to_come_;
}

std::vector<Opening> People::open(std::int64_t t) {
    const auto second = static_cast<std::size_t>(t);
    next_ = second + 1;
    if (second >= openings_.size()) return {};
    std::vector<Opening> now = std::move(openings_[second]);
    std::sort(now.begin(), now.end(), [](const Opening& a, const Opening& b) {
        return a.at_s != b.at_s ? a.at_s < b.at_s : a.person < b.person;
    });
    to_come_ -= now.size();
    return now;
}

}  // namespace tidegate::sim
