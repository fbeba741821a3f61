#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate {

/// How an audience is split in time.
struct CohortOptions {
    /// Empty: by hash of the key. Else the column whose distinct values are the cohorts ("branch").
    std::string column{};
    /// Cohorts by hash besides the canaries; 1..10000. Ignored with `column`.
    std::uint32_t count = 64;
    /// A cohort starts at the earliest this long after the previous one started.
    Duration gap = std::chrono::seconds(30);
    /// Cumulative shares of the audience, rising, each in (0, 1); {0.001, 0.01} = 0.1 % then a further 0.9 %.
    std::vector<double> canary{};
    /// Shards a cohort is cut into (units of claim and checkpoint); 1..4096.
    std::uint32_t shards = 16;

    bool operator==(const CohortOptions&) const = default;

    /// All faults at once; `where` names the option.
    TIDEGATE_EXPORT Faults validate() const;
};

/// Where one recipient belongs.
struct Place {
    std::uint32_t cohort = 0;  ///< canaries first, then the cohorts
    std::uint32_t shard = 0;   ///< unit of claim and order inside the cohort

    bool operator==(const Place&) const = default;
};

/// Assigns recipients to cohorts and shards. Deterministic in (campaign id, key): adding or suppressing other
/// recipients never moves anyone. Canaries are cut by hash from the whole audience also when cohorts go by column.
/// Pure apart from learning the column's values in order of appearance; one thread.
class TIDEGATE_EXPORT CohortPlan {
  public:
    /// `options` must validate.
    CohortPlan(std::string campaign_id, CohortOptions options);

    /// `cohort_value` matters only with `column`. Errors: more than 10000 distinct values.
    Result<Place> place(std::string_view key, std::string_view cohort_value);

    /// How many canaries come first.
    std::uint32_t canaries() const { return static_cast<std::uint32_t>(options_.canary.size()); }
    /// Canaries plus cohorts (with `column`: plus the values seen so far).
    std::uint32_t cohorts() const;
    /// "canary 0.1%", "cohort 7" (counted from 1 behind the canaries), or the column's value ("(empty)" for none).
    std::string label(std::uint32_t cohort) const;
    /// What it was made with.
    const CohortOptions& options() const { return options_; }

  private:
    Result<std::uint32_t> index_of(std::string_view value);

    std::string campaign_id_;
    CohortOptions options_;
    std::uint64_t canary_seed_ = 0, cohort_seed_ = 0, shard_seed_ = 0;
    std::vector<std::string> values_;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> value_index_;  // sorted by hash
};

}  // namespace tidegate
