#include "tidegate/delivery/event_plan.hpp"

#include <algorithm>
#include <cmath>

#include "pacing/words.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate {
namespace {

constexpr std::size_t kLotsShown = 10;
constexpr double kDay = 86400.0;

std::string whole(double value) {
    return std::to_string(std::llround(value));
}

double value_or_zero(const std::map<std::string, double>& values, const std::string& name) {
    const auto found = values.find(name);
    return found != values.end() && std::isfinite(found->second) ? std::max(0.0, found->second) : 0.0;
}

EventCapacity capacity_of(const Backend& backend, double per_open, double baseline, const FirstCome& crowd,
                          const std::map<std::string, double>& proven) {
    BackendOptions limits = backend.limits;
    EventCapacity capacity{.backend = limits.name};
    std::string source = "capacity_hint";
    if (const auto seen = proven.find(limits.name); !limits.capacity_hint && seen != proven.end()) {
        limits.capacity_hint = seen->second;
        source = "proven by its history";
    }
    if (!limits.capacity_hint) {
        capacity.from =
            "not known: state capacity_hint in its [[backend]] (the highest requests/s proven inside the objective) "
            "and "
            "plan again";
        return capacity;
    }
    Advice present;
    present.baseline = baseline;
    capacity.room = room_at_instant(limits, present);
    capacity.largest = std::floor(crowd.largest_lot({*capacity.room, per_open}));
    capacity.from = whole(*limits.capacity_hint) + " requests/s, " + source;
    if (limits.reserve > 0.0) capacity.from += ", less a reserve of " + pacing::brief(100.0 * limits.reserve) + " %";
    capacity.from += ", less " + whole(baseline) + " of the others";
    return capacity;
}

/// Instants of their own for lots: far enough apart that one crowd has been served before the next comes, on whole
/// minutes, which is how people are told times.
void propose_lots(EventPlan& plan, double served_after_s, std::uint64_t recipients) {
    if (!plan.largest || *plan.largest == 0 || *plan.largest >= recipients) return;
    plan.lot_count = (recipients + *plan.largest - 1) / *plan.largest;
    plan.lots_apart = std::chrono::minutes(static_cast<std::int64_t>(std::ceil(served_after_s / 60.0)));
    const auto lot = [&](std::uint64_t index) {
        const std::uint64_t before = index * *plan.largest;
        const auto later =
            std::chrono::duration_cast<std::chrono::milliseconds>(plan.lots_apart) * static_cast<std::int64_t>(index);
        return EventLot{plan.at + later, std::min(*plan.largest, recipients - before)};
    };
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(plan.lot_count, kLotsShown); ++i) plan.lots.push_back(lot(i));
    if (plan.lot_count > kLotsShown) plan.lots.push_back(lot(plan.lot_count - 1));
    const double takes = Seconds(plan.lots_apart).count() * static_cast<double>(plan.lot_count);
    if (takes > kDay)
        plan.remarks.push_back("by lots it would take " + pacing::brief(takes / kDay) +
                               " days: a draw among those who register reaches everybody without a rush");
}

void remark(EventPlan& plan, const Campaign& campaign, std::uint64_t recipients) {
    const EventOptions& event = *campaign.event;
    if (plan.backends.empty())
        plan.remarks.push_back("no backend has requests per open in [impact]: nothing keeps the crowd within bounds");
    if (plan.largest && *plan.largest == 0)
        plan.remarks.push_back("there is no room at the instant: nobody would be told before it");
    if (event.stock && plan.largest) {
        const auto stock = static_cast<double>(*event.stock);
        if (plan.comers < stock && plan.held > 0)
            plan.remarks.push_back("about " + whole(plan.comers) + " come for " + whole(stock) +
                                   " pieces: the rest is sold to those who are told afterwards, or by lots");
        if (plan.comers > stock)
            plan.remarks.push_back("about " + whole(plan.comers) + " come for " + whole(stock) + " pieces, " +
                                   whole(plan.comers - stock) + " of them for nothing" +
                                   (plan.held > 0 ? "; those told afterwards hear of something that is gone" : ""));
        const double all = event.rush.response * static_cast<double>(recipients);
        if (plan.held > 0 && all > stock)
            plan.remarks.push_back("told all at once, " + whole(all) + " would come for " + whole(stock) + " pieces");
    }
    if (campaign.deadline && *campaign.deadline <= plan.rest_from && (plan.held > 0 || !plan.largest))
        plan.remarks.push_back("the deadline comes before those who are held could be told");
    if (!campaign.cohorts.canary.empty())
        plan.remarks.push_back("canaries show how people take the message, not how they come at the instant");
}

}  // namespace

EventPlan plan_event(const Site& site, const Campaign& campaign, std::uint64_t recipients,
                     const std::map<std::string, double>& baseline, const std::map<std::string, double>& proven) {
    const EventOptions& event = *campaign.event;
    const FirstCome crowd(event.rush);
    EventPlan plan;
    plan.at = event.at;
    plan.rest_from = event.at + std::chrono::milliseconds(std::llround(1000.0 * crowd.served_after()));
    bool known = true;
    double largest = static_cast<double>(recipients);
    for (const Backend& backend : site.backends) {
        const auto impact = campaign.impact.find(backend.limits.name);
        if (impact == campaign.impact.end() || impact->second.per_open <= 0.0) continue;
        plan.backends.push_back(
            capacity_of(backend, impact->second.per_open, value_or_zero(baseline, backend.limits.name), crowd, proven));
        if (backend.limits.shadow) {
            plan.backends.back().from += "; shadow mode, not enforced";
            continue;
        }
        known = known && plan.backends.back().largest.has_value();
        largest = std::min(largest, plan.backends.back().largest.value_or(largest));
    }
    if (known) {
        plan.largest = static_cast<std::uint64_t>(largest);
        plan.told = *plan.largest;
        plan.held = recipients - plan.told;
        plan.comers = event.rush.response * static_cast<double>(plan.told);
        propose_lots(plan, crowd.served_after(), recipients);
    }
    remark(plan, campaign, recipients);
    return plan;
}

}  // namespace tidegate
