#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/decider.hpp"

namespace tidegate::sim {

/// Streams of chance that know nothing of each other: every policy and both grains meet the same baseline.
enum class Chance : std::uint64_t {
    phase = 1,
    baseline,
    exporter,
    crowd,
    other_sender,
    past,
    past_exporter,
    person,
    address,
    row,
    provider,
    run
};
/// The seed of one stream.
std::uint64_t stream(std::uint64_t seed, Chance kind, std::uint64_t index);

/// What both grains stand on: backends and their twins without campaigns, what is seen of them, a sender that does not
/// ask us, and the record of what the backends went through.
class Ground {
  public:
    Ground(const Scenario& scenario, std::uint64_t seed, bool keep_series);

    /// What the backends did before the start, seen through the same telemetry. Its chance is its own, so that it
    /// changes nothing in the rehearsal.
    History history() const;
    /// Samples of a backend that have arrived by the start of second `t`, oldest first.
    std::vector<Sample> arrived(std::size_t backend, std::int64_t t) { return sites_[backend].exporter.arrived(t); }

    /// The backend behind a backend.
    std::optional<std::size_t> below(std::size_t backend) const { return sites_[backend].below; }
    /// Requests that an open, or a delivery, of a campaign really causes, calls between backends left out.
    double per_open(std::size_t campaign, std::size_t backend) const { return per_open_[campaign][backend]; }
    double per_delivery(std::size_t campaign, std::size_t backend) const { return per_delivery_[campaign][backend]; }
    /// Mean requests/s that are not ours, capacity without contention and requests waiting, by backend.
    void tell(std::int64_t t, const Effects& effects, std::vector<double>& baseline, std::vector<double>& capacity,
              std::vector<double>& queue) const;

    /// Second `t` passes at every backend while `opens` and `delivered` happen, by campaign. `words` are for the
    /// record.
    void serve(std::int64_t t, const Effects& effects, const std::vector<double>& opens,
               const std::vector<double>& delivered, const std::vector<Decision::OfBackend>& words);
    /// No backend suffers from a campaign any more.
    bool recovered() const;
    /// What has been recorded so far; the campaigns are the grain's own to fill.
    SimResult& result() { return result_; }
    const SimResult& result() const { return result_; }
    /// The index of a reason in the record.
    std::uint32_t reason(const std::string& text);

  private:
    /// A backend and its twin that meets the same baseline and events, and no campaign.
    struct Site {
        Site(const Backend& backend, double phase, std::uint64_t baseline_seed, std::uint64_t exporter_seed)
            : plant(backend.plant),
              twin(backend.plant),
              baseline(backend.baseline, phase, baseline_seed),
              exporter(backend.telemetry, exporter_seed) {}
        PlantModel plant, twin;
        BaselineModel baseline;
        Exporter exporter;
        PlantSecond last, twin_last;
        std::optional<std::size_t> below;  // the backend it depends on
    };
    void book(const std::vector<Decision::OfBackend>& words);

    const Scenario& scenario_;
    std::uint64_t seed_;
    bool keep_series_;
    std::vector<Site> sites_;
    Audience others_;  // of the sender that does not ask us; they react like the first campaign's
    Rng other_chance_;
    std::vector<std::vector<double>> per_open_, per_delivery_;  // [campaign][backend]
    SimResult result_;
    std::map<std::string, std::uint32_t> reasons_;
};

}  // namespace tidegate::sim
