#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/sim/grain.hpp"
#include "tidegate/sim/scenario.hpp"

namespace tidegate::sim {

/// Who decides how fast to send.
enum class PolicyKind : std::uint8_t {
    blast,     ///< as fast as the provider takes it
    fixed,     ///< "static": one rate, typed by somebody
    aimd,      ///< +25 messages/s a sample while p99 < 0.8 SLO, else times 0.7, at most every 10 s
    gradient,  ///< Netflix's Gradient2 on the median latency, the send rate in place of the limit
    impact,    ///< the gate: the same deciding code as in production
    oracle,    ///< knows capacity, baseline and curve of this moment, not the future
};

/// "blast", "static", "aimd", "gradient", "impact", "oracle".
TIDEGATE_EXPORT std::string_view name_of(PolicyKind kind);
/// The policy of that name; nothing when there is none.
TIDEGATE_EXPORT std::optional<PolicyKind> policy_named(std::string_view name);

/// A policy with what it needs to know.
struct Policy {
    PolicyKind kind = PolicyKind::impact;  ///< which one
    double fixed_rate = 1000.0;            ///< messages/s of `fixed`

    bool operator==(const Policy&) const = default;
};

/// One second of one backend.
struct BackendSecond {
    double load = 0.0;        ///< requests/s, retries included
    double p99_s = 0.0;       ///< with the campaign
    double errors = 0.0;      ///< share
    double twin_p99_s = 0.0;  ///< without the campaign
    double twin_load = 0.0;   ///< requests/s without the campaign
    double capacity = 0.0;    ///< requests/s of this second
    double committed = 0.0;   ///< our predicted load now; `impact` only
    double baseline = 0.0;    ///< believed; `impact` only
    double ceiling = 0.0;     ///< trusted load, infinity when unbounded; `impact` only
    bool over = false;        ///< over its SLO
    bool twin_over = false;   ///< over it without the campaign too

    bool operator==(const BackendSecond&) const = default;
};

/// One second of one campaign.
struct CampaignSecond {
    double rate = 0.0;         ///< allowed, messages/s
    double sent = 0.0;         ///< messages the provider took
    double delivered = 0.0;    ///< messages that arrived
    double opens = 0.0;        ///< people who opened
    std::uint32_t reason = 0;  ///< index into `SimResult::reasons`

    bool operator==(const CampaignSecond&) const = default;
};

/// What one backend went through.
struct BackendResult {
    std::string name{};                      ///< as the scenario names it
    double seconds_over = 0.0;               ///< over its SLO while the twin is not: caused by the campaign
    double twin_seconds_over = 0.0;          ///< over without any campaign
    double worst_p99_s = 0.0;                ///< highest second
    double worst_errors = 0.0;               ///< highest share of a second
    std::vector<BackendSecond> series = {};  ///< empty unless asked for

    bool operator==(const BackendResult&) const = default;
};

/// How one campaign went.
struct CampaignResult {
    std::string id{};           ///< as the scenario names it
    bool finished = false;      ///< everybody was sent to in time
    double completion_s = 0.0;  ///< from its start until the last message was taken; time given up at when unfinished
    double sent = 0.0;          ///< messages
    double opens = 0.0;         ///< people who opened
    std::vector<CampaignSecond> series = {};  ///< empty unless asked for
    std::optional<ExactResult> exact{};       ///< present in the exact grain

    bool operator==(const CampaignResult&) const = default;
};

/// What a rehearsal showed.
struct SimResult {
    double completion_s = 0.0;                ///< of the last campaign
    bool finished = false;                    ///< every campaign did
    double seconds_over = 0.0;                ///< seconds in which some backend is over because of the campaigns
    double struck_s = -1.0;                   ///< when the first event struck; negative: none did
    std::vector<BackendResult> backends{};    ///< in the order of the scenario
    std::vector<CampaignResult> campaigns{};  ///< in the order of the scenario
    std::vector<std::string> reasons{};       ///< first: ""

    bool operator==(const SimResult&) const = default;
};

/// Why a grain cannot rehearse this, in words; empty when it can. The exact grain takes at most 200,000 people, and the
/// policies `impact`, `blast` and `static`, which the delivery machine itself knows.
TIDEGATE_EXPORT Faults refusals(Grain grain, const Scenario& scenario, const std::vector<Policy>& policies);

/// Rehearses once. The same scenario, policy, seed and grain give the same result to the last bit, and another policy
/// meets the same baseline. Series are kept only when asked for. Throws `std::invalid_argument` when the grain refuses.
/// Threads: pure; may run in parallel.
TIDEGATE_EXPORT SimResult simulate(const Scenario& scenario, const Policy& policy, std::uint64_t seed,
                                   bool keep_series = true, Grain grain = Grain::flow);

/// A policy's record over several seeds.
struct Record {
    Policy policy{};                        ///< whose record it is
    std::vector<double> completion = {};    ///< multiple of the oracle's on the same seed; infinity when unfinished
    std::vector<double> completion_s = {};  ///< of each seed
    std::vector<double> seconds_over = {};  ///< of each seed
    std::size_t finished = 0;               ///< seeds on which everybody was sent to in time
    double median_completion = 0.0;         ///< of `completion`
    double median_completion_s = 0.0;       ///< of `completion_s`
    double median_over = 0.0;               ///< of `seconds_over`
    double worst_over = 0.0;                ///< largest of `seconds_over`

    bool operator==(const Record&) const = default;
};

/// The record of a policy's runs, given the oracle's on the same seeds in the same order.
TIDEGATE_EXPORT Record record_of(const Policy& policy, const std::vector<SimResult>& runs,
                                 const std::vector<SimResult>& oracle);

/// Every policy on every seed, in the order given. The oracle, which is a flow by nature, is run as the measure even
/// when not asked for. Throws `std::invalid_argument` when the grain refuses.
TIDEGATE_EXPORT std::vector<Record> compare(const Scenario& scenario, const std::vector<Policy>& policies,
                                            const std::vector<std::uint64_t>& seeds, Grain grain = Grain::flow);

}  // namespace tidegate::sim
