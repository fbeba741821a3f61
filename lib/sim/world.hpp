#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "sim/ground.hpp"
#include "tidegate/sim/simulate.hpp"

namespace tidegate::sim {

/// One rehearsal in the flow grain: crowds and a provider that are counts, and a decider.
class World {
  public:
    World(const Scenario& scenario, const Policy& policy, std::uint64_t seed, bool keep_series);
    SimResult run();

  private:
    /// Messages the provider holds.
    struct Held {
        double messages = 0.0, order = 0.0;
        std::int64_t sent = 0;
    };
    struct Mail {
        double due = 0.0;
        OpensReport report;
    };

    void look(std::int64_t t, const Effects& effects);
    void send(std::int64_t t, const Effects& effects);
    void deliver(std::int64_t t, const Effects& effects, std::vector<double>& delivered);
    void open(std::int64_t t, const Effects& effects);
    void report_opens(std::int64_t t, std::size_t campaign, const Effects& effects);
    double share_sent() const;
    bool settled(std::int64_t t) const;
    void record(const std::vector<double>& delivered);

    const Scenario& scenario_;
    bool keep_series_;
    Timeline timeline_;
    Ground ground_;
    std::vector<Audience> audiences_;
    std::vector<Rng> crowd_chance_;
    std::unique_ptr<Decider> decider_;

    Tick tick_;
    Decision decision_;
    std::vector<std::vector<double>> per_open_;  // [campaign][backend], calls included
    std::vector<double> order_, baseline_mean_, capacity_, queue_;
    std::vector<double> sent_now_, opens_now_, done_s_, all_;
    std::vector<std::vector<Held>> held_;
    std::vector<std::vector<LagCount>> lags_;
    std::vector<OpensReport> pending_;  // counted over a period
    std::vector<std::deque<Mail>> mail_;
    std::int64_t last_sent_ = 0;
};

}  // namespace tidegate::sim
