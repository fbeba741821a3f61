#include "tidegate/sim/simulate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>

#include "sim/exact_world.hpp"
#include "sim/world.hpp"

namespace tidegate::sim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr std::pair<PolicyKind, std::string_view> kNames[] = {
    {PolicyKind::blast, "blast"},       {PolicyKind::fixed, "static"},  {PolicyKind::aimd, "aimd"},
    {PolicyKind::gradient, "gradient"}, {PolicyKind::impact, "impact"}, {PolicyKind::oracle, "oracle"},
};

constexpr double kMostPeople = 200'000.0;  // of the exact grain

double median(std::vector<double> values) {
    if (values.empty()) return 0.0;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    if (values.size() % 2 == 1) return values[middle];
    return std::isinf(values[middle]) ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

}  // namespace

std::string_view name_of(PolicyKind kind) {
    for (const auto& [known, name] : kNames)
        if (known == kind) return name;
    return "?";
}

std::optional<PolicyKind> policy_named(std::string_view name) {
    for (const auto& [kind, known] : kNames)
        if (known == name) return kind;
    return std::nullopt;
}

std::string_view name_of(Grain grain) {
    return grain == Grain::flow ? "flow" : "exact";
}

std::optional<Grain> grain_named(std::string_view name) {
    for (const Grain grain : {Grain::flow, Grain::exact})
        if (name_of(grain) == name) return grain;
    return std::nullopt;
}

Faults refusals(Grain grain, const Scenario& scenario, const std::vector<Policy>& policies) {
    Faults faults;
    if (grain == Grain::flow) return faults;
    double people = 0.0;
    std::set<std::string> ids;
    for (const Campaign& campaign : scenario.campaigns) {
        people += campaign.recipients;
        if (!ids.insert(campaign.id).second)
            faults.push_back({Errc::refused, "two campaigns are called \"" + campaign.id + "\"", "campaign.id",
                              "give each its own id: ledgers are named after them"});
    }
    if (people > kMostPeople)
        faults.push_back(
            {Errc::refused,
             "the exact grain follows at most 200,000 people, and these are " + std::to_string(std::llround(people)),
             "campaign.recipients", "rehearse with fewer recipients, or with grain flow"});
    for (const Policy& policy : policies)
        if (policy.kind != PolicyKind::impact && policy.kind != PolicyKind::blast && policy.kind != PolicyKind::fixed)
            faults.push_back({Errc::refused,
                              "the delivery machine has no policy \"" + std::string(name_of(policy.kind)) + "\"",
                              "policy", "choose impact, blast or static, or grain flow"});
    return faults;
}

SimResult simulate(const Scenario& scenario, const Policy& policy, std::uint64_t seed, bool keep_series, Grain grain) {
    if (const Faults faults = refusals(grain, scenario, {policy}); !faults.empty())
        throw std::invalid_argument("simulate: " + faults.front().text());
    if (grain == Grain::exact) return ExactWorld(scenario, policy, seed, keep_series).run();
    return World(scenario, policy, seed, keep_series).run();
}

Record record_of(const Policy& policy, const std::vector<SimResult>& runs, const std::vector<SimResult>& oracle) {
    Record record{.policy = policy};
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const SimResult& run = runs[i];
        if (run.finished) ++record.finished;
        record.completion_s.push_back(run.finished ? run.completion_s : kInfinity);
        record.completion.push_back(run.finished ? run.completion_s / oracle[i].completion_s : kInfinity);
        record.seconds_over.push_back(run.seconds_over);
        record.worst_over = std::max(record.worst_over, run.seconds_over);
    }
    record.median_completion = median(record.completion);
    record.median_completion_s = median(record.completion_s);
    record.median_over = median(record.seconds_over);
    return record;
}

std::vector<Record> compare(const Scenario& scenario, const std::vector<Policy>& policies,
                            const std::vector<std::uint64_t>& seeds, Grain grain) {
    std::vector<Policy> own = policies;
    std::erase_if(own, [](const Policy& policy) { return policy.kind == PolicyKind::oracle; });
    if (const Faults faults = refusals(grain, scenario, own); !faults.empty())
        throw std::invalid_argument("compare: " + faults.front().text());
    std::vector<SimResult> oracle;
    for (const std::uint64_t seed : seeds) oracle.push_back(simulate(scenario, {PolicyKind::oracle}, seed, false));
    std::vector<Record> records;
    for (const Policy& policy : policies) {
        if (policy.kind == PolicyKind::oracle) {
            records.push_back(record_of(policy, oracle, oracle));
            continue;
        }
        std::vector<SimResult> runs;
        for (const std::uint64_t seed : seeds) runs.push_back(simulate(scenario, policy, seed, false, grain));
        records.push_back(record_of(policy, runs, oracle));
    }
    return records;
}

}  // namespace tidegate::sim
