#pragma once

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "sim/ground.hpp"
#include "tidegate/audience/source.hpp"
#include "tidegate/audience/suppression.hpp"
#include "tidegate/delivery/campaign.hpp"

// What the exact grain hands to the delivery machine in place of files and providers.

namespace tidegate::sim {

/// When a rehearsal begins on the wall: nine in the morning in Seoul, 2026-11-23.
inline constexpr WallTime kMorning{std::chrono::seconds(1795392000)};

/// The campaign file that a scenario's campaign stands for.
tidegate::Campaign campaign_file(const Scenario& scenario, std::size_t campaign, const Policy& policy);

/// The audience file of a campaign: each person once, and between them rows that cannot be read or repeat somebody.
/// People are numbered in the order of their first row, as ledgers number them.
class AudienceRows final : public AudienceSource {
  public:
    AudienceRows(const Scenario& scenario, std::size_t campaign, std::uint64_t seed);

    const std::vector<std::string>& columns() const override { return columns_; }
    Result<bool> next(AudienceRow& row) override;
    Result<void> rewind() override;
    /// How many different people there are.
    std::size_t people() const { return people_; }

  private:
    bool reached_by(std::size_t provider, std::int64_t person) const;

    const Scenario& scenario_;
    std::uint64_t seed_;
    std::vector<std::string> columns_;
    std::vector<std::int64_t> rows_;  // a person's number, or -1 for a row that cannot be read
    std::size_t people_ = 0, at_ = 0;
};

/// The opt-out list of a campaign's people.
class OptOuts final : public SuppressionSource {
  public:
    OptOuts(double share, std::size_t people, std::uint64_t seed);

    bool suppressed(std::string_view identity) const override { return keys_.contains(std::string(identity)); }
    Result<void> refresh() override { return {}; }

  private:
    std::unordered_set<std::string> keys_;
};

}  // namespace tidegate::sim
