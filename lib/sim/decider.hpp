#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/audience.hpp"
#include "sim/exporter.hpp"
#include "sim/plant.hpp"
#include "sim/timeline.hpp"
#include "tidegate/sim/simulate.hpp"

namespace tidegate::sim {

/// Opens of one campaign as they become known.
struct OpensReport {
    double from_s = 0.0, to_s = 0.0;  ///< when they happened
    double total = 0.0;
    std::vector<LagCount> by_lag = {};  ///< by age of their send; empty when only counted
};

/// What is true. Only the oracle may look.
struct Truth {
    const std::vector<Audience>& audiences;            ///< by campaign
    const std::vector<std::vector<double>>& per_open;  ///< requests, by campaign and backend, calls included
    const std::vector<double>& order;                  ///< share of each audience that has been sent
    const std::vector<double>& baseline;               ///< mean requests/s not ours now, by backend
    const std::vector<double>& capacity;               ///< without contention, by backend
    const std::vector<double>& queue;                  ///< requests waiting, by backend
    bool stalled = false;
};

/// The start of one second as a policy sees it.
struct Tick {
    std::int64_t t = 0;
    std::vector<std::vector<Sample>> samples;     ///< arrived since the last tick, by backend
    std::vector<std::vector<OpensReport>> opens;  ///< arrived since the last tick, by campaign
    std::vector<double> sent;                     ///< messages the provider took in the last second, by campaign
    std::vector<double> left;                     ///< messages still to send, by campaign
    std::vector<bool> active;                     ///< campaigns that have started and are neither done nor paused
    bool takeover = false;                        ///< another node decides from now on
};

/// A policy's word for one second.
struct Decision {
    struct OfCampaign {
        double rate = 0.0;  ///< messages/s
        std::string reason;
    };
    struct OfBackend {
        double committed = 0.0, baseline = 0.0, ceiling = 0.0;
    };
    std::vector<OfCampaign> campaigns;
    std::vector<OfBackend> backends;
};

/// Decides how fast each campaign may send.
class Decider {
  public:
    virtual ~Decider() = default;
    virtual void decide(const Tick& tick, const Truth& truth, Decision& decision) = 0;
};

/// What happened at a backend before the start, oldest first; the newest may not have arrived yet.
using History = std::vector<std::vector<Sample>>;

std::unique_ptr<Decider> make_simple_decider(const Scenario& scenario, const Policy& policy);
std::unique_ptr<Decider> make_oracle(const Scenario& scenario);
/// Drives the deciding code of production.
std::unique_ptr<Decider> make_impact_decider(const Scenario& scenario, History history);

}  // namespace tidegate::sim
