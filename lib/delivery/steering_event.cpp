// The control thread's work, continued: first-come events.

#include <algorithm>
#include <cmath>

#include "delivery/steering.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::delivery {
namespace {

double seconds_until(WallTime instant, WallTime wall) {
    return Seconds(instant - wall).count();
}

std::string local(WallTime at, const std::string& zone) {
    return format_local(at, zone).value_or(format_wall_time(at));
}

/// Both crowds are at the backend together.
bool meet(const CampaignRun& a, const CampaignRun& b) {
    const double apart = std::fabs(seconds_until(a.campaign().event->at, b.campaign().event->at));
    return apart < std::max(a.first_come()->served_after(), b.first_come()->served_after());
}

}  // namespace

/// The largest audience that this backend can serve at each campaign's instant, those told by other campaigns for the
/// same moment left out.
void Steering::size_lots(const BackendWatch& backend, const Advice& advice, std::vector<View>& views) {
    if (!backend.sensor() || !advice.open) return;
    for (View& view : views) {
        const std::optional<Impact> impact = impact_on(view, backend.options().name);
        if (!impact || !view.run || view.run->first_come() == nullptr) continue;
        double room = room_at_instant(backend.options(), advice);
        for (const View& other : views) {
            if (&other == &view || !other.run || other.run->first_come() == nullptr || !meet(*view.run, *other.run))
                continue;
            if (const std::optional<Impact> theirs = impact_on(other, backend.options().name))
                room -= static_cast<double>(other.run->told()) * theirs->per_open *
                        other.run->first_come()->busiest_second();
        }
        view.lot = std::min(view.lot, view.run->first_come()->largest_lot({std::max(0.0, room), impact->per_open}));
    }
}

void Steering::hold_for_event(View& view, WallTime wall) {
    if (!view.run) return;
    const FirstCome* event = view.run->first_come();
    if (event == nullptr || !view.active) return;
    const Campaign& campaign = view.run->campaign();
    const WallTime instant = campaign.event->at;
    RushWord word = event->decide(seconds_until(instant, wall), static_cast<double>(view.run->told()), view.lot);
    const auto served = std::chrono::milliseconds(std::llround(1000.0 * event->served_after()));
    if (word.may_tell < 1.0) word.reason += "; the rest are told after " + local(instant + served, campaign.zone);
    if (word.may_tell < view.rate) {
        view.rate = word.may_tell;
        view.reason = word.reason;
    }
    const std::string stands = wall >= instant + served ? "the crowd has been served; the rest are told now"
                               : wall >= instant        ? "the instant has come"
                               : word.may_tell < 1.0    ? "everybody who can be served at the instant has been told"
                                                        : "";
    std::string& before = event_told_[view.run.get()];
    if (stands.empty() || before == stands) return;
    before = stands;
    LedgerBatch facts;
    facts.events.push_back({wall, "event", stands + ", " + std::to_string(view.run->told()) + " told so far", {}});
    view.run->record(std::move(facts));
}

}  // namespace tidegate::delivery
