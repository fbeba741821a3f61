#include "sim/crew.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::sim {
namespace {

constexpr std::int64_t kUnreadable = -1;

std::string key_of(std::int64_t person) {
    return "p" + std::to_string(person);
}

Duration duration_of(double seconds) {
    return std::chrono::duration_cast<Duration>(Seconds(seconds));
}

std::chrono::milliseconds milliseconds_of(double seconds) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Seconds(seconds));
}

std::string column_of(const Provider& provider) {
    return "address at " + provider.name;
}

}  // namespace

tidegate::Campaign campaign_file(const Scenario& scenario, std::size_t campaign, const Policy& policy) {
    const Campaign& mine = scenario.campaigns[campaign];
    tidegate::Campaign file;
    file.id = mine.id;
    file.purpose = Purpose::informational;  // neither consent nor the time of day is part of a scenario
    file.on_unknown = mine.on_unknown;
    file.message.body = "rehearsal";
    file.message.collapse = mine.id;
    file.audience.key = "key";
    for (const Provider& provider : scenario.providers) {
        file.audience.addresses.push_back({provider.name, column_of(provider)});
        file.send.push_back({provider.name, provider.also});
    }
    file.cohorts = mine.cohorts;
    file.response = mine.belief;
    file.impact = mine.impact;
    if (mine.crowd.rush && mine.rush_known) {
        const Rush& rush = *mine.crowd.rush;
        EventOptions& event = file.event.emplace();
        event.at = kMorning + milliseconds_of(rush.at_s);
        event.rush = {rush.rate, duration_of(rush.median_s), rush.spread, rush.again_share, duration_of(rush.again_s)};
    }
    if (mine.per_second > 0.0) file.per_second = Rate{mine.per_second};
    if (policy.kind == PolicyKind::fixed) file.per_second = std::min(file.per_second, Rate{policy.fixed_rate});
    return file;
}

AudienceRows::AudienceRows(const Scenario& scenario, std::size_t campaign, std::uint64_t seed)
    : scenario_(scenario),
      seed_(stream(seed, Chance::row, campaign)),
      columns_{"key"},
      people_(static_cast<std::size_t>(scenario.campaigns[campaign].recipients)) {
    for (const Provider& provider : scenario.providers) columns_.push_back(column_of(provider));
    const Rows& shares = scenario.campaigns[campaign].audience;
    Rng chance(seed_);
    rows_.reserve(people_);
    for (std::size_t person = 0; person < people_; ++person) {
        if (chance.uniform() < shares.malformed) rows_.push_back(kUnreadable);
        rows_.push_back(static_cast<std::int64_t>(person));
        if (chance.uniform() < shares.repeated)
            rows_.push_back(static_cast<std::int64_t>(chance.uniform() * static_cast<double>(person + 1)));
    }
}

bool AudienceRows::reached_by(std::size_t provider, std::int64_t person) const {
    const double reach = scenario_.providers[provider].reach;
    return reach >= 1.0 ||
           Rng(stream(seed_ + provider, Chance::person, static_cast<std::uint64_t>(person))).uniform() < reach;
}

Result<bool> AudienceRows::next(AudienceRow& row) {
    if (at_ == rows_.size()) return false;
    const std::int64_t person = rows_[at_++];
    row.number = at_;
    row.malformed = person == kUnreadable ? "as the scenario wants it" : "";
    row.values.assign(columns_.size(), {});
    if (person == kUnreadable) return true;
    row.values[0] = key_of(person);
    for (std::size_t provider = 0; provider < scenario_.providers.size(); ++provider)
        if (reached_by(provider, person)) row.values[provider + 1] = "device-" + std::to_string(person);
    return true;
}

Result<void> AudienceRows::rewind() {
    at_ = 0;
    return {};
}

OptOuts::OptOuts(double share, std::size_t people, std::uint64_t seed) {
    Rng chance(seed);
    if (share <= 0.0) return;
    for (std::size_t person = 0; person < people; ++person)
        if (chance.uniform() < share) keys_.insert(key_of(static_cast<std::int64_t>(person)));
}

}  // namespace tidegate::sim
