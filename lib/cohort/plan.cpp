#include "tidegate/cohort/plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

// Compiled in: its symbols stay out of ours, and short keys are hashed without a call.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tidegate {
namespace {

constexpr std::uint32_t max_cohorts = 10000;
constexpr std::uint32_t max_shards = 4096;

/// One seed for each question asked of a key, so that the answers are independent of each other.
enum class Question : std::uint64_t { canary = 1, cohort = 2, shard = 3 };

std::uint64_t hash(std::string_view text, std::uint64_t seed) {
    return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

std::uint64_t seed_of(std::string_view campaign_id, Question question) {
    return hash(campaign_id, static_cast<std::uint64_t>(question));
}

/// Uniform in [0, 1): the top 53 bits, all a double can hold.
double unit(std::uint64_t bits) {
    return std::ldexp(static_cast<double>(bits >> 11), -53);
}

std::string percent(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", share * 100);
    for (char& c : text) {
        if (c == ',') c = '.';  // a host may have set a locale
    }
    return std::string(text) + "%";
}

}  // namespace

Faults CohortOptions::validate() const {
    Faults faults;
    const auto fault = [&](std::string what, const char* where, const char* hint) {
        faults.push_back({Errc::invalid, std::move(what), where, hint});
    };
    if (column.empty() && (count < 1 || count > max_cohorts)) {
        fault("count is " + std::to_string(count), "cohorts.count", "Choose 1 to 10000.");
    }
    if (gap < Duration::zero()) fault("gap is negative", "cohorts.gap", "Give a duration of zero or more.");
    double previous = 0;
    for (const double share : canary) {
        if (!(share > 0 && share < 1)) {
            fault("a canary share is not between 0 and 1", "cohorts.canary", "Give shares such as \"0.1%\" or 0.001.");
            break;
        }
        if (share <= previous) {
            fault("canary shares do not rise: " + percent(share) + " after " + percent(previous), "cohorts.canary",
                  "Shares are cumulative; list them from small to large.");
            break;
        }
        previous = share;
    }
    if (canary.size() > max_cohorts) fault("too many canaries", "cohorts.canary", "Give a few shares.");
    if (shards < 1 || shards > max_shards) {
        fault("shards is " + std::to_string(shards), "cohorts.shards", "Choose 1 to 4096.");
    }
    return faults;
}

CohortPlan::CohortPlan(std::string campaign_id, CohortOptions options)
    : campaign_id_(std::move(campaign_id)),
      options_(std::move(options)),
      canary_seed_(seed_of(campaign_id_, Question::canary)),
      cohort_seed_(seed_of(campaign_id_, Question::cohort)),
      shard_seed_(seed_of(campaign_id_, Question::shard)) {}

Result<Place> CohortPlan::place(std::string_view key, std::string_view cohort_value) {
    Place place;
    place.shard = static_cast<std::uint32_t>(hash(key, shard_seed_) % options_.shards);
    const double share = unit(hash(key, canary_seed_));
    const auto cut = std::upper_bound(options_.canary.begin(), options_.canary.end(), share);
    if (cut != options_.canary.end()) {
        place.cohort = static_cast<std::uint32_t>(cut - options_.canary.begin());
        return place;
    }
    if (options_.column.empty()) {
        place.cohort = canaries() + static_cast<std::uint32_t>(hash(key, cohort_seed_) % options_.count);
        return place;
    }
    auto value = index_of(cohort_value);
    if (!value) return value.error();
    place.cohort = canaries() + *value;
    return place;
}

Result<std::uint32_t> CohortPlan::index_of(std::string_view value) {
    const std::uint64_t hashed = hash(value, 0);
    auto at = std::lower_bound(value_index_.begin(), value_index_.end(), hashed,
                               [](const auto& entry, std::uint64_t wanted) { return entry.first < wanted; });
    for (; at != value_index_.end() && at->first == hashed; ++at) {
        if (values_[at->second] == value) return at->second;
    }
    if (values_.size() == max_cohorts) {
        return Error{Errc::invalid, "column \"" + options_.column + "\" has more than 10000 different values",
                     "cohorts.by", "Stagger by a coarser column, or by = \"hash\"."};
    }
    const auto index = static_cast<std::uint32_t>(values_.size());
    values_.emplace_back(value);
    value_index_.emplace(at, hashed, index);
    return index;
}

std::uint32_t CohortPlan::cohorts() const {
    return canaries() + (options_.column.empty() ? options_.count : static_cast<std::uint32_t>(values_.size()));
}

std::string CohortPlan::label(std::uint32_t cohort) const {
    if (cohort < canaries()) return "canary " + percent(options_.canary[cohort]);
    const std::uint32_t index = cohort - canaries();
    if (options_.column.empty() || index >= values_.size()) return "cohort " + std::to_string(index + 1);
    return values_[index].empty() ? "(empty)" : values_[index];
}

}  // namespace tidegate
