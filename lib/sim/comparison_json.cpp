#include <cmath>
#include <nlohmann/json.hpp>

#include "sim/telling.hpp"
#include "tidegate/sim/comparison.hpp"

namespace tidegate::sim {
namespace {

using Json = nlohmann::ordered_json;

/// To the thousandth; what is no number, such as the end of what did not finish, is null.
Json real(double value) {
    if (!std::isfinite(value)) return nullptr;
    return std::round(value * 1000.0) / 1000.0;
}

Json json_of(const SimResult& run, std::uint64_t seed, double completion) {
    Json backends = Json::array(), campaigns = Json::array();
    for (const BackendResult& backend : run.backends)
        backends.push_back({{"name", backend.name},
                            {"seconds_over", real(backend.seconds_over)},
                            {"seconds_over_without", real(backend.twin_seconds_over)},
                            {"worst_p99_ms", real(1000.0 * backend.worst_p99_s)},
                            {"worst_errors", real(backend.worst_errors)}});
    for (const CampaignResult& campaign : run.campaigns) {
        Json one = {{"id", campaign.id},
                    {"finished", campaign.finished},
                    {"completion_s", campaign.finished ? real(campaign.completion_s) : Json(nullptr)},
                    {"sent", std::round(campaign.sent)},
                    {"opens", std::round(campaign.opens)}};
        if (campaign.exact) {
            one["reached"] = campaign.exact->reached;
            one["twice"] = campaign.exact->twice;
            one["report"] = Json::parse(tidegate::to_json(campaign.exact->report));
        }
        campaigns.push_back(std::move(one));
    }
    return {{"seed", seed},
            {"finished", run.finished},
            {"completion_s", run.finished ? real(run.completion_s) : Json(nullptr)},
            {"completion", real(completion)},
            {"seconds_over", real(run.seconds_over)},
            {"struck_s", run.struck_s < 0.0 ? Json(nullptr) : real(run.struck_s)},
            {"backends", std::move(backends)},
            {"campaigns", std::move(campaigns)}};
}

Json json_of(const Comparison& comparison) {
    Json policies = Json::array();
    const std::vector<Record> records = comparison.records();
    for (std::size_t p = 0; p < records.size(); ++p) {
        const Record& record = records[p];
        Json runs = Json::array();
        for (std::size_t i = 0; i < comparison.seeds.size(); ++i)
            runs.push_back(json_of(comparison.policies[p].runs[i], comparison.seeds[i], record.completion[i]));
        Json policy = {{"policy", name_of(record.policy.kind)},
                       {"per_second", nullptr},
                       {"finished", record.finished},
                       {"completion", real(record.median_completion)},
                       {"completion_s", real(record.median_completion_s)},
                       {"seconds_over", real(record.median_over)},
                       {"worst_seconds_over", real(record.worst_over)},
                       {"runs", std::move(runs)}};
        if (record.policy.kind == PolicyKind::fixed) policy["per_second"] = record.policy.fixed_rate;
        policies.push_back(std::move(policy));
    }
    const Record oracle = record_of({PolicyKind::oracle}, comparison.oracle, comparison.oracle);
    return {{"scenario", comparison.scenario.name},
            {"about", comparison.scenario.about},
            {"recipients", recipients_of(comparison.scenario)},
            {"seeds", comparison.seeds},
            {"oracle_completion_s", real(oracle.median_completion_s)},
            {"policies", std::move(policies)}};
}

}  // namespace

std::string to_json(const std::vector<Comparison>& comparisons) {
    Json scenarios = Json::array();
    for (const Comparison& comparison : comparisons) scenarios.push_back(json_of(comparison));
    const Grain grain = comparisons.empty() ? Grain::flow : comparisons.front().grain;
    return Json{{"schema", 1}, {"grain", name_of(grain)}, {"scenarios", std::move(scenarios)}}.dump(
        -1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tidegate::sim
