// The rooms of a run in which it hears how people react.

#include <cmath>
#include <iterator>
#include <utility>

#include "delivery/campaign_run.hpp"
#include "delivery/learnt_curve.hpp"

namespace tidegate::delivery {

namespace {

/// Told and not looked up: some ten megabytes, and minutes of the fastest campaign while its keys are being read.
constexpr std::size_t most_waiting = 200'000;
constexpr auto record_every = std::chrono::seconds(10);

}  // namespace

void CampaignRun::observe_opens(double count, TimePoint from, TimePoint to) {
    const TimePoint now = clock_.now();
    const std::lock_guard lock(pace_mutex_);
    if (!counts_stand(attributed_at_, now, reaction_.model().median())) return;
    reaction_.see_opens(count, from, to);
    if (!std::isfinite(count) || count < 0) return;
    counted_opens_ += count;
    counted_at_ = now;
}

void CampaignRun::observe_opens(const std::vector<OpensOfAge>& opens, TimePoint from, TimePoint to) {
    const std::lock_guard lock(pace_mutex_);
    reaction_.see_opens(opens, from, to);
    attributed_at_ = clock_.now();
}

Result<void> CampaignRun::tell_opens(std::span<const Open> opens) {
    const std::lock_guard lock(told_mutex_);
    if (told_.size() + opens.size() > most_waiting) {
        return Error{Errc::unavailable, "more opens wait to be looked up than can be kept", "campaign " + campaign_.id,
                     "tell them again in some seconds"};
    }
    told_.insert(told_.end(), opens.begin(), opens.end());
    told_at_ = {clock_.now(), clock_.wall()};
    return {};
}

void CampaignRun::attribute(const std::stop_token& stop) {
    std::vector<Open> opens;
    std::optional<std::pair<TimePoint, WallTime>> told;
    {
        const std::lock_guard lock(told_mutex_);
        if (!told_at_) return;
        told = std::exchange(told_at_, std::nullopt);
        std::swap(opens, told_);
    }
    const Result<void> looked = look_up(opens, told->first, told->second, stop);
    if (!looked && looked.error().code != Errc::stopped && !lookup_trouble_)
        log_.warn("campaign " + campaign_.id + ": opens cannot be looked up: " + looked.error().text());
    lookup_trouble_ = !looked;
    if (looked) return;
    const std::lock_guard lock(told_mutex_);
    told_.insert(told_.begin(), std::make_move_iterator(opens.begin()), std::make_move_iterator(opens.end()));
    if (!told_at_) told_at_ = told;
}

Result<void> CampaignRun::look_up(const std::vector<Open>& opens, TimePoint told, WallTime wall,
                                  const std::stop_token& stop) {
    if (!lookup_) {
        auto built = ledger::KeyLookup::build(ledger_path_, stop);
        if (!built) return built.error();
        lookup_ = std::move(*built);
        attribution_.emplace(lookup_->recipients(), response_horizon_, begun_at_);
    }
    double median = 0;
    {
        const std::lock_guard lock(pace_mutex_);
        median = reaction_.model().median();
    }
    const WhoOpened who{[this](std::string_view key) { return lookup_->find(key); },
                        [this](std::int64_t id, WallTime by) { return lookup_->sent(id, by); }};
    auto lesson = attribution_->attribute(opens, told, wall, median, who);
    if (!lesson) return lesson.error();
    const std::lock_guard lock(pace_mutex_);
    for (const Attribution::Interval& interval : lesson->intervals)
        reaction_.see_opens(interval.opens, interval.from, interval.to);
    opens_.seen += lesson->seen;
    opens_.repeated += lesson->repeated;
    opens_.unknown += lesson->unknown;
    opens_.early += lesson->early;
    opens_.late += lesson->late;
    attributed_at_ = told;
    return {};
}

OpensProgress CampaignRun::opens_locked(TimePoint now) const {
    OpensProgress opens = opens_;
    opens.seen += static_cast<std::uint64_t>(std::llround(std::min(counted_opens_, 1e15)));
    if (!counts_stand(attributed_at_, now, reaction_.model().median()) || (attributed_at_ && !counted_at_))
        opens.known = OpensKnown::attributed;
    else if (counted_at_)
        opens.known = OpensKnown::counted;
    opens.open_rate = campaign_.response.open_rate * reaction_.model().total() / believed_total_;
    opens.median_s = reaction_.model().median();
    return opens;
}

ResponseRecord CampaignRun::response(TimePoint now, WallTime wall) const {
    const std::lock_guard lock(pace_mutex_);
    return response_record(campaign_.response, reaction_.model(), opens_locked(now), wall);
}

void CampaignRun::record_response(TimePoint now, WallTime wall) {
    if (response_recorded_ != TimePoint{} && now - response_recorded_ < record_every) return;
    response_recorded_ = now;
    LedgerBatch facts;
    facts.meta.emplace_back(meta_response, to_text(response(now, wall)));
    record(std::move(facts));
}

}  // namespace tidegate::delivery
