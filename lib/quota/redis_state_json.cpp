#include "quota/redis_state_json.hpp"

#include <algorithm>

#include "quota/redis_client.hpp"

namespace tidegate {
namespace quota {
namespace {

using nlohmann::json;

double units(const json& thousandths) {
    return thousandths.get<double>() / 1000.0;
}

Duration micros(const json& value) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::micro>(value.get<double>()));
}

std::optional<QuotaOrder> order_of(const json& holder, const char* name) {
    const auto found = holder.find(name);
    if (found == holder.end() || !found->is_array()) return std::nullopt;
    const auto state = state_of_word(found->at(1).get<std::string>());
    const double rate = units(found->at(2));
    // A state that only newer nodes know stops what it names, here as there.
    return QuotaOrder{state.value_or(QuotaOrder::State::hold), rate < 0.0 ? Rate::unlimited() : Rate{rate},
                      found->at(0).get<std::uint64_t>()};
}

std::map<std::string, double> amounts(const json& by_resource) {
    std::map<std::string, double> made;
    for (const auto& [resource, amount] : by_resource.items()) made[resource] = units(amount);
    return made;
}

QuotaState::Node node_of(const json& told) {
    QuotaState::Node node{told.at("node").get<std::string>(), micros(told.at("left")), {}};
    for (const json& flow : told.at("flows")) {
        node.claims.push_back({flow.at("i").get<std::string>(), std::stoi(flow.at("p").get<std::string>()),
                               amounts(flow.at("c")), amounts(flow.at("w"))});
    }
    return node;
}

QuotaState::Resource resource_of(const std::string& name, const json& told) {
    QuotaState::Resource resource;
    resource.name = name;
    if (const double cap = units(told.at("cap")); cap >= 0.0) resource.cap = Rate{cap};
    resource.committed = units(told.at("kept"));
    resource.counted = units(told.at("counted"));
    resource.demand = units(told.at("demand"));
    resource.wants = units(told.at("wants"));
    resource.order = order_of(told, "order");
    return resource;
}

}  // namespace

QuotaState state_of(const json& answer) {
    QuotaState state;
    state.epoch = answer.at("epoch").get<std::uint64_t>();
    state.quiet = micros(answer.at("quiet"));
    state.generation = answer.at("gen").get<std::uint64_t>();
    if (const auto leader = answer.find("leader"); leader != answer.end() && leader->is_object()) {
        const double left =
            std::stod(leader->at("x").get<std::string>()) - std::stod(answer.at("v").get<std::string>());
        if (left > 0.0) {
            state.leader = leader->at("n").get<std::string>();
            state.term = leader->at("t").get<std::uint64_t>();
            state.leader_left = micros(left);
        }
    }
    state.domain = order_of(answer, "domain");
    for (const json& node : answer.at("nodes")) state.nodes.push_back(node_of(node));
    std::sort(state.nodes.begin(), state.nodes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const auto& [name, resource] : answer.at("resources").items())
        state.resources.push_back(resource_of(name, resource));
    std::sort(state.resources.begin(), state.resources.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return state;
}

json order_json(const std::string& subject, const QuotaChange& what, std::uint64_t known,
                const std::optional<std::string>& clock, const SharedQuotaOptions& options) {
    const Duration fresh = options.reply_timeout + std::chrono::seconds(1);
    json made = {{"subject", subject},
                 {"gen", known},
                 {"replicas", options.rules.replicas},
                 {"lag", std::chrono::floor<std::chrono::seconds>(options.rules.replica_lag).count()},
                 {"at", clock.value_or("0")},
                 {"patience", std::chrono::duration_cast<std::chrono::microseconds>(fresh).count()}};
    if (what.state) made["state"] = to_string(*what.state);
    if (what.rate) made["rate"] = *what.rate == Rate::unlimited() ? -1 : thousandths(*what.rate);
    return made;
}

std::optional<std::string> clock_to_name(const json& answer) {
    if (word_in(answer, "refused") != "late") return std::nullopt;
    std::string at = word_in(answer, "at");
    return at.empty() ? std::nullopt : std::optional(std::move(at));
}

std::string word_in(const json& answer, const char* name) {
    if (!answer.is_object()) return {};
    const auto found = answer.find(name);
    return found != answer.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace quota

}  // namespace tidegate
