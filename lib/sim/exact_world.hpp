#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "sim/crew.hpp"
#include "sim/node.hpp"
#include "sim/people.hpp"
#include "tidegate/testing/manual_clock.hpp"

namespace tidegate::sim {

/// One rehearsal in the exact grain: the delivery machine with a ledger in memory, person by person, on a clock that
/// jumps. Within a second it does what the gate's threads do, in steps of 5 ms, while a run has not ended.
class ExactWorld {
  public:
    ExactWorld(const Scenario& scenario, const Policy& policy, std::uint64_t seed, bool keep_series);
    SimResult run();

  private:
    /// Opens on their way to the gate.
    struct Mail {
        double due = 0.0, from_s = 0.0, to_s = 0.0, count = 0.0;
        std::vector<OpensOfAge> ages = {};
    };
    /// One campaign: its file and audience, its people, its ledger.
    struct Troop {
        tidegate::Campaign file;
        std::shared_ptr<OptOuts> opt_outs;
        ledger::MemoryLedger ledger;
        People people;
        double recipients = 0.0, sent = 0.0, opens = 0.0;
        bool begun = false, given_up = false;
        std::deque<Mail> mail = {};
        Mail counting = {};  // counted over a period
    };

    void change_node(std::int64_t t);
    void look(std::int64_t t, const Effects& effects);
    void begin_and_give_up(std::int64_t t);
    void live(std::vector<double>& delivered);
    void receive(std::vector<double>& delivered);
    void open(std::int64_t t, const Effects& effects, std::vector<double>& opens);
    void tell(std::int64_t t, Troop& troop, const std::vector<Opening>& openings, OpensSeen seen,
              const Effects& effects);
    void record(const std::vector<double>& delivered, const std::vector<double>& opens);
    double share_done() const;
    bool settled(std::int64_t t);
    void conclude();

    const Scenario& scenario_;
    const Policy policy_;
    const std::uint64_t seed_;
    const bool keep_series_;
    Timeline timeline_;
    Ground ground_;
    const History history_;
    std::vector<std::deque<Sample>> early_;  // of before the start, still on their way
    testing::ManualClock clock_;
    std::vector<std::shared_ptr<ProviderModel>> providers_;
    std::vector<Troop> troops_;
    std::unique_ptr<Node> node_;
    std::uint64_t nodes_ = 0;
    std::int64_t quiet_since_ = -1;
};

}  // namespace tidegate::sim
