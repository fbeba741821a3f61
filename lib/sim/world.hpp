#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/decider.hpp"
#include "tidegate/sim/simulate.hpp"

namespace tidegate::sim {

/// One rehearsal: the plants and their twins without campaigns, the crowds, the provider, what is seen, and a decider.
class World {
  public:
    World(const Scenario& scenario, const Policy& policy, std::uint64_t seed, bool keep_series);
    SimResult run();

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
    /// Messages the provider holds.
    struct Held {
        double messages = 0.0, order = 0.0;
        std::int64_t sent = 0;
    };
    struct Mail {
        double due = 0.0;
        OpensReport report;
    };

    History history() const;
    void look(std::int64_t t, const Effects& effects);
    void send(std::int64_t t, const Effects& effects);
    void deliver(std::int64_t t, const Effects& effects, std::vector<double>& delivered);
    void open(std::int64_t t, const Effects& effects);
    void serve(std::int64_t t, const Effects& effects, const std::vector<double>& delivered);
    void report_opens(std::int64_t t, std::size_t campaign, const Effects& effects);
    double calls_of(std::size_t backend) const;
    double share_sent() const;
    bool settled(std::int64_t t) const;
    std::uint32_t reason(const std::string& text);

    const Scenario& scenario_;
    std::uint64_t seed_;
    bool keep_series_;
    Timeline timeline_;
    std::vector<Site> sites_;
    std::vector<Audience> audiences_;
    std::vector<Audience> others_;  // audience of the sender that does not ask us
    std::vector<Rng> crowd_chance_;
    Rng other_chance_;
    std::unique_ptr<Decider> decider_;

    Tick tick_;
    Decision decision_;
    std::vector<std::vector<double>> direct_, per_open_, per_delivery_;  // [campaign][backend]
    double requests_per_open_ = 1.0;                                     // times what the campaign says
    std::vector<double> order_, baseline_mean_, capacity_, queue_;
    std::vector<double> sent_now_, opens_now_, other_opens_, done_s_, all_;
    std::vector<std::vector<Held>> held_;
    std::vector<std::vector<LagCount>> lags_;
    std::vector<OpensReport> pending_;  // counted over a period
    std::vector<std::deque<Mail>> mail_;
    std::int64_t last_sent_ = 0;
    SimResult result_;
    std::map<std::string, std::uint32_t> reasons_;
};

}  // namespace tidegate::sim
