#include "delivery/domain.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace tidegate::delivery {
namespace {

using nlohmann::json;

constexpr std::size_t steps = 240;
/// Slots of a record of sends for each median, as in `Reaction`.
constexpr double slots_per_median = 45.0;
constexpr double grants_per_bin = 4.0;
constexpr double unreported_for_s = 1.0;
/// Others' sends below this share of the whole are what two clocks make of the same ones.
constexpr double rounding = 0.005;
constexpr double surely_kept = 0.9;  // of the horizon; at its edge bins leave the two records at different times

ResponseOptions curve(const CampaignCard& card) {
    return {card.open_rate, std::chrono::duration_cast<Duration>(Seconds(card.median_s)), card.spread};
}

/// A curve in two numbers.
struct Brief {
    double total = 0.0;     // opens per message
    double median_s = 0.0;  // lag by which half of them have come
};

/// The quickest of the shapes that are still reckoned with: all but those improbable together come later or weaker.
Brief careful(const ResponseModel& model) {
    const std::vector<double>& edges = model.edges();
    const auto opens = [&](const ResponseModel::Shape& shape, double until) {
        double sum = 0.0;
        for (std::size_t j = 0; j < shape.density.size() && edges[j] < until; ++j)
            sum += shape.density[j] * (std::min(until, edges[j + 1]) - edges[j]);
        return sum;
    };
    std::vector<std::pair<double, const ResponseModel::Shape*>> early;
    for (const ResponseModel::Shape& shape : model.shapes()) early.emplace_back(opens(shape, model.median()), &shape);
    std::sort(early.begin(), early.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    double weight = 0.0;
    const ResponseModel::Shape* worst = early.front().second;
    for (const auto& [sum, shape] : early) {
        worst = shape;
        if ((weight += shape->weight) >= Law{}.accepted) break;
    }
    Brief brief{opens(*worst, model.horizon()), model.horizon()};
    for (std::size_t j = 0; j + 1 < edges.size(); ++j) {
        if (opens(*worst, edges[j + 1]) < 0.5 * brief.total) continue;
        brief.median_s = 0.5 * (edges[j] + edges[j + 1]);
        break;
    }
    return brief;
}

CommittedLoad sent_by_all(const DomainCampaign& campaign, double horizon_s, double resolution_s) {
    double oldest = horizon_s;
    for (const SentThen& then : campaign.sent) oldest = std::max(oldest, then.to_s);
    CommittedLoad sent(std::max(horizon_s, 1.0), resolution_s, after(campaign.at, -oldest));
    for (const SentThen& then : campaign.sent) {
        for (double k = 0; k < grants_per_bin; ++k) {
            const double ago = then.to_s - (then.to_s - then.from_s) * (k + 0.5) / grants_per_bin;
            sent.add(then.messages / grants_per_bin, after(campaign.at, -ago));
        }
    }
    sent.add(campaign.unreported, campaign.at);
    return sent;
}

double number(const json& text, const char* name) {
    const auto found = text.find(name);
    return found != text.end() && found->is_number() ? found->get<double>() : 0.0;
}

}  // namespace

CampaignPart part_of(const Campaign& campaign, const Reaction& reaction, TimePoint now) {
    const ResponseModel& model = reaction.model();
    CampaignPart part;
    part.id = campaign.id;
    part.card.priority = campaign.priority;
    // A leader takes a believed curve with its usual doubt, so that of a learnt one is told without it.
    const Brief learnt = model.informed() ? careful(model) : Brief{};
    const double total = model.informed() ? learnt.total / Law{}.unseen_doubt : model.total();
    part.card.open_rate = std::min(1.0, total * reaction.drift());
    part.card.median_s = model.informed() ? learnt.median_s : model.median();
    part.card.spread = campaign.response.spread;
    part.card.evidence = model.evidence();
    part.card.horizon_s = model.horizon();
    for (const auto& [backend, impact] : campaign.impact)
        part.card.impact[backend] = {impact.per_open, impact.per_delivery};
    part.sent = reaction.sent().total();
    std::vector<double> edges;
    for (std::size_t i = 0; i <= steps; ++i)
        edges.push_back(model.horizon() * static_cast<double>(i) / static_cast<double>(steps));
    const std::vector<double> messages = reaction.sent().by_age(edges, now);
    for (std::size_t i = 0; i < messages.size(); ++i)
        if (messages[i] > 0.0) part.recent.push_back({edges[i], edges[i + 1], messages[i]});
    return part;
}

Reaction reaction_of(const DomainCampaign& campaign) {
    Reaction reaction(curve(campaign.card), campaign.at);
    const ResponseModel& model = reaction.model();
    // What a curve learnt since reaches further than the record was made for is not kept; it was felt long ago.
    reaction.count_as_sent(sent_by_all(campaign, model.horizon(), model.median() / slots_per_median));
    return reaction;
}

Reaction with_others(Reaction ours, const DomainCampaign& campaign, TimePoint now) {
    const double kept_s = surely_kept * ours.model().horizon();
    const double mine = ours.sent().between(0.0, kept_s, now);
    double all = 0.0;
    for (const SentThen& then : campaign.sent)
        if (then.to_s <= kept_s) all += then.messages;
    if (all - mine <= 1.0 + rounding * all) return ours;
    ours.count_as_sent(sent_by_all(campaign, ours.model().horizon(), ours.sent().resolution()));
    return ours;
}

std::string to_text(const BackendWord& word, TimePoint now) {
    const BackendSight& sight = word.sight;
    json made = {{"state", word.state},   {"reason", sight.reason},   {"holds", sight.holds},
                 {"over", sight.over},    {"theirs", sight.not_ours}, {"ours", word.ours.predicted},
                 {"fades", word.fades_s}, {"median", word.median_s},  {"open", word.per_open}};
    if (word.ours.observed) made["seen"] = *word.ours.observed;
    if (sight.sampled != TimePoint::min()) made["age"] = seconds_between(sight.sampled, now);
    if (sight.breach) made["breach"] = {sight.breach->signal, sight.breach->value, sight.breach->limit};
    return made.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<BackendWord> backend_word(const std::string& backend, const LeaderWord& heard) {
    const json text = json::parse(heard.text, nullptr, false);
    if (!text.is_object()) return std::nullopt;
    try {
        BackendWord word;
        word.state = text.at("state").get<std::string>();
        word.ours.predicted = number(text, "ours");
        if (text.contains("seen")) word.ours.observed = text.at("seen").get<double>();
        word.fades_s = number(text, "fades");
        word.median_s = number(text, "median");
        word.per_open = number(text, "open");
        word.sight.backend = backend;
        if (text.contains("age")) word.sight.sampled = after(heard.at, -std::min(number(text, "age"), 1e6));
        word.sight.holds = text.at("holds").get<bool>();
        word.sight.over = text.at("over").get<bool>();
        word.sight.reason = text.at("reason").get<std::string>();
        word.sight.not_ours = number(text, "theirs");
        if (text.contains("breach")) {
            const json& breach = text.at("breach");
            word.sight.breach =
                Breach{breach.at(0).get<std::string>(), breach.at(1).get<double>(), breach.at(2).get<double>()};
        }
        return word;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

}  // namespace tidegate::delivery
