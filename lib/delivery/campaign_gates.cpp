// The feeder's rooms of a run, continued: the gates behind canaries.

#include <algorithm>
#include <array>
#include <cmath>

#include "delivery/campaign_run.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate {

std::string_view to_string(GateState state) {
    constexpr std::array<std::string_view, 4> words{"ahead", "waiting", "passed", "failed"};
    return words[static_cast<std::size_t>(state)];
}

namespace delivery {
namespace {

/// "09:03:12", in the campaign's zone.
std::string time_of_day(WallTime at, const std::string& zone) {
    const std::string local = format_local(at, zone).value_or(format_wall_time(at));
    return local.size() >= 19 ? local.substr(11, 8) : local;
}

}  // namespace

/// What an earlier run saw of a canary counts for nothing unless the next cohort had begun: the soak begins anew.
void CampaignRun::set_up_gates(const RunParts& parts) {
    const std::vector<bool> begun = mostly_released(cohorts_);
    for (std::size_t i = 0; i < cohorts_.size() && i < campaign_.cohorts.canary.size(); ++i) {
        const bool passed = i + 1 < begun.size() && begun[i + 1];
        gates_.push_back({cohorts_[i].label, passed ? GateState::passed : GateState::ahead, passed ? 1.0 : 0.0,
                          passed ? "by an earlier run" : ""});
    }
    if (!parts.recent.empty()) canary_gate_.begin(clock_.now());
    if (parts.failed_gate.empty()) return;
    event_locked("gate", "goes on by the operator's word after: " + parts.failed_gate, parts.operator_name);
    facts_.meta.emplace_back("failed_gate", "");
}

void CampaignRun::watch_canary(TimePoint now) {
    bool fresh = false;
    {
        const std::lock_guard lock(pace_mutex_);
        if (!green_) cohort_clock_.disturbed(now);
        if (new_sight_) {
            sight_ = *std::exchange(new_sight_, std::nullopt);
            fresh = true;
        }
    }
    if (!fresh || ending_ || !cohort_clock_.in_canary()) return;
    cohort_clock_.see(sight_.seen_until(), sight_.soak);
    const CanaryGate::Verdict verdict = canary_gate_.look(sight_);
    if (!verdict.failed.empty() && !guard_) {
        const WallTime when =
            clock_.wall() - std::chrono::milliseconds(std::llround(1000.0 * seconds_between(verdict.at, now)));
        guard_ = verdict.failed + " at " + time_of_day(when, campaign_.zone);
        return;
    }
    if (!verdict.waits.empty()) cohort_clock_.disturbed(now);
    if (verdict.waits.empty() == gate_waits_.empty()) return;
    gate_waits_ = verdict.waits;
    // Told when the soak has begun; before, it is a hold like any other.
    if (gate_told_ && !gate_waits_.empty())
        gate_stands(cohort_clock_.current(), GateState::waiting, "its soak begins anew, " + gate_waits_, true);
}

/// The canary is out and its response is awaited.
void CampaignRun::canary_waits(TimePoint now) {
    gate_stands(cohort_clock_.current(), GateState::waiting, words_for_gate(now), !gate_told_);
    gate_told_ = true;
}

/// Share of the canary's response that has come since its soak began and has been seen in the telemetry.
double CampaignRun::share_seen(TimePoint now) const {
    const TimePoint until = sight_.backends.empty() ? now : sight_.seen_until();
    const double soaked = std::max(0.0, seconds_between(cohort_clock_.soaks_since(), until));
    const std::lock_guard lock(pace_mutex_);
    const ResponseModel& model = reaction_.model();
    return model.total() > 0 ? std::clamp(model.cumulative(soaked) / model.total(), 0.0, 1.0) : 0.0;
}

std::string CampaignRun::words_for_gate(TimePoint now) const {
    if (cohorts_[cohort_clock_.current()].recipients == 0) return "nobody in it";
    if (!gate_waits_.empty()) return "its soak begins anew, " + gate_waits_;
    return std::to_string(static_cast<int>(100.0 * share_seen(now))) +
           " % of its response seen under green backends, " + (sight_.curve.empty() ? "believed curve" : sight_.curve);
}

/// `tell`: on record as well, not only in the progress.
void CampaignRun::gate_stands(std::uint32_t cohort, GateState state, std::string why, bool tell) {
    const double seen = share_seen(clock_.now());
    const std::lock_guard lock(mutex_);
    if (cohort >= gates_.size()) return;
    GateProgress& gate = gates_[cohort];
    gate.state = state;
    gate.seen = seen;
    gate.reason = std::move(why);
    if (tell) event_locked("gate", gate.canary + ": " + std::string(to_string(state)) + ", " + gate.reason, {});
}

/// Credentials, template or list look wrong as a whole, or a canary has failed: nothing more goes in this run.
void CampaignRun::stop_by_guard(TimePoint deadline) {
    std::string why = *guard_;
    if (cohort_clock_.in_canary() && cohort_clock_.current() < gates_.size()) {
        gate_stands(cohort_clock_.current(), GateState::failed, why, true);
        why = cohorts_[cohort_clock_.current()].label + " failed: " + why;
        job_.batch.meta.emplace_back("failed_gate", why);
    }
    begin_ending(RunState::incomplete, 4, std::move(why), deadline);
}

}  // namespace delivery
}  // namespace tidegate
