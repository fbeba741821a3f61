#include "quota/domain_json.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "quota/sent_record.hpp"

namespace tidegate::quota {
namespace {

using nlohmann::json;

constexpr double micro = 1e-6;
constexpr double longest_horizon_s = 1e6;
constexpr double most_messages = 1e11;

/// Bounded, so that no node's nonsense can stop the others' arithmetic.
double sane(double value, double least, double most, double otherwise) {
    return std::isfinite(value) ? std::clamp(value, least, most) : otherwise;
}

/// On the way out, for JSON knows no infinity, and on the way in, for the other node may be another version.
CampaignCard sane_card(CampaignCard card) {
    card.priority = std::clamp(card.priority, 0, 9);
    card.open_rate = sane(card.open_rate, 1e-6, 1.0, 1.0);
    card.median_s = sane(card.median_s, 0.05, 1e5, 45.0);
    card.spread = sane(card.spread, 0.05, 4.0, 1.2);
    for (auto& [backend, each] : card.impact)
        each = {sane(each.per_open, 0.0, 1e6, 1.0), sane(each.per_delivery, 0.0, 1e6, 0.0)};
    return card;
}

json card_json(const CampaignCard& given) {
    const CampaignCard card = sane_card(given);
    json impact = json::object();
    for (const auto& [backend, each] : card.impact) impact[backend] = {each.per_open, each.per_delivery};
    return {{"p", card.priority},
            {"r", card.open_rate},
            {"m", card.median_s},
            {"s", card.spread},
            {"i", std::move(impact)}};
}

CampaignCard card_of(const json& text) {
    CampaignCard card;
    card.priority = text.value("p", 5);
    card.open_rate = text.value("r", 1.0);
    card.median_s = text.value("m", 45.0);
    card.spread = text.value("s", 1.2);
    for (const auto& [backend, each] : text.at("i").items())
        card.impact[backend] = {each.at(0).get<double>(), each.at(1).get<double>()};
    return sane_card(std::move(card));
}

}  // namespace

json part_json(const CampaignPart& part, bool past) {
    const double horizon = sane(part.card.horizon_s, 1.0, longest_horizon_s, longest_horizon_s);
    const std::int64_t width = record_width(horizon);
    json backends = json::array();
    for (const auto& entry : part.card.impact) backends.push_back("be:" + entry.first);
    json made = {{"e", sane(part.card.evidence, 0.0, 1e12, 0.0)},
                 {"h", std::llround(horizon / micro)},
                 {"w", width},
                 {"t", sane(part.sent, 0.0, most_messages, 0.0)},
                 {"b", std::move(backends)},
                 {"c", card_json(part.card)}};
    if (past) {
        made["past"] = json::array();
        for (const double messages : in_steps(part.recent, static_cast<double>(width) * micro))
            made["past"].push_back(std::llround(1000.0 * messages));
    }
    return made;
}

std::vector<DomainCampaign> domain_of(const json& answer, std::int64_t v, TimePoint at) {
    std::vector<DomainCampaign> all;
    if (!answer.contains("domain")) return all;
    for (const json& entry : answer.at("domain")) {
        DomainCampaign campaign;
        campaign.id = entry.at("id").get<std::string>();
        campaign.card = card_of(entry.at("c"));
        campaign.card.evidence = entry.at("e").get<double>();
        campaign.card.horizon_s = entry.at("h").get<double>() * micro;
        campaign.wants = Rate{entry.at("w").get<double>() / 1000.0};
        campaign.at = at;
        campaign.sent = sent_of(entry.value("g", std::string()), entry.value("o", std::string()), v);
        campaign.unreported = entry.at("u").get<double>() / 1000.0;
        all.push_back(std::move(campaign));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return all;
}

}  // namespace tidegate::quota
