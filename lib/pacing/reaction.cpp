#include "tidegate/pacing/reaction.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tidegate {
namespace {

constexpr double kSlotsPerMedian = 45.0;
/// Standard errors by which opens must pass what older messages explain to tell of a release.
constexpr double kReleaseDoubt = 3.0;
constexpr double kNever = 1e300;

/// How long counts are kept for whoever compares them with telemetry.
constexpr auto kKept = std::chrono::minutes(5);
constexpr double kCovered = 0.99;  // of a window

bool sensible(double count, TimePoint from, TimePoint to) {
    return std::isfinite(count) && count >= 0.0 && to > from;
}

}  // namespace

Reaction::Reaction(const ResponseOptions& belief, TimePoint start, const Law& law)
    : law_(law), model_(belief, law), sent_(model_.horizon(), model_.median() / kSlotsPerMedian, start) {}

void Reaction::grant(double messages, TimePoint now) {
    sent_.add(messages, now);
}

void Reaction::take_back(double messages, TimePoint now) {
    sent_.remove(messages, now);
}

void Reaction::count_as_sent(CommittedLoad sent) {
    sent_ = std::move(sent);
    seen_.clear();
}

double Reaction::opens_at(TimePoint at) const {
    const std::vector<double> messages = sent_.by_age(model_.edges(), at);
    return std::inner_product(messages.begin(), messages.end(), model_.expected().begin(), 0.0);
}

void Reaction::Fresh::add(double more_seen, double more_expected, double keep) {
    seen = keep * seen + more_seen;
    expected = keep * expected + more_expected;
}

void Reaction::see_opens(double count, TimePoint from, TimePoint to) {
    if (!sensible(count, from, to)) return;
    // Without ages each bin is given its expected part, which is good enough to notice that opens stop or swell.
    const TimePoint middle = from + (to - from) / 2;
    std::vector<double> opens = sent_.by_age(model_.edges(), middle);
    double all = 0.0;
    for (std::size_t j = 0; j < opens.size(); ++j) all += opens[j] *= model_.expected()[j];
    for (double& o : opens) o = all > 0.0 ? o * count / all : 0.0;
    if (all <= 0.0 && !opens.empty()) opens.back() = count;
    see(opens, false, from, to);
}

void Reaction::see_opens(const std::vector<OpensOfAge>& seen, TimePoint from, TimePoint to) {
    const std::vector<double>& edges = model_.edges();
    std::vector<double> opens(edges.size() - 1, 0.0);
    for (const OpensOfAge& group : seen) {
        if (!sensible(group.count, from, to) || !std::isfinite(group.age_s) || group.age_s < 0.0) return;
        const auto above = std::upper_bound(edges.begin(), edges.end(), group.age_s);
        if (above != edges.end()) opens[static_cast<std::size_t>(above - edges.begin()) - 1] += group.count;
    }
    if (to > from) see(opens, true, from, to);
}

std::optional<double> Reaction::seen_opens(TimePoint from, TimePoint to) const {
    if (!(to > from)) return std::nullopt;
    double covered = 0.0, count = 0.0;
    for (const Seen& seen : seen_) {
        const double common = seconds_between(std::max(from, seen.from), std::min(to, seen.to));
        if (common <= 0.0) continue;
        covered += common;
        count += seen.count * common / seconds_between(seen.from, seen.to);
    }
    const double window = seconds_between(from, to);
    if (covered < kCovered * window) return std::nullopt;
    return count / window;
}

void Reaction::see(const std::vector<double>& opens, bool ages_known, TimePoint from, TimePoint to) {
    const double count = std::accumulate(opens.begin(), opens.end(), 0.0);
    if (count > sent_.total()) return;  // not ours: more than were ever told
    seen_.push_back({from, to, count});
    while (seen_.front().to + kKept < to) seen_.pop_front();
    const double seconds = seconds_between(from, to);
    std::vector<double> messages = sent_.by_age(model_.edges(), from + (to - from) / 2);
    watch(opens, messages, seconds, to);
    if (blind_) seen_.pop_back();
    if (stalled_ || blind_) return;
    if (!ages_known) {
        if (to >= learn_after_) model_.learn(count, messages, seconds);
        return;
    }
    // What was sent before a release may have been held: only younger messages still teach the curve.
    if (released_ != TimePoint::min()) {
        const double since = sent_since_release(from);
        std::vector<double> young = opens;
        for (std::size_t j = 0; j < young.size(); ++j)
            if (model_.edges()[j + 1] > since) young[j] = messages[j] = 0.0;
        model_.learn(young, messages, seconds);
        return;
    }
    model_.learn(opens, messages, seconds);
}

void Reaction::watch(const std::vector<double>& opens, const std::vector<double>& messages, double seconds,
                     TimePoint to) {
    const std::vector<double>& edges = model_.edges();
    const double median = model_.median();
    const double fresh = std::max(2.0 * seconds, law_.fresh_medians * median);
    // While the provider is held to be stalled, opens that older messages do not explain tell of its release.
    const double delivered = stalled_ ? seconds_between(stalled_since_, to) : 0.0;
    double seen = 0.0, expected = 0.0, old_seen = 0.0, old_expected = 0.0;
    // What was sent before a release or a trial may have been held and is booked anew: it proves nothing here.
    const double since = sent_since_release(to);
    for (std::size_t j = 0; j < opens.size(); ++j) {
        if (edges[j] >= (stalled_ ? std::max(delivered, fresh) : fresh)) {
            old_seen += opens[j];
            old_expected += model_.expected()[j] * messages[j] * seconds;
        }
        if (stalled_ ? edges[j + 1] <= delivered : edges[j] >= fresh || edges[j + 1] > since) {
            if (stalled_) seen += opens[j];
            continue;
        }
        seen += opens[j];
        expected += model_.expected()[j] * messages[j] * seconds;
    }
    const double stall_memory = std::max(2.0 * seconds, law_.stall_medians * median);
    slow_.add(seen, expected, std::exp(-seconds / std::max(4.0 * seconds, law_.drift_medians * median)));
    quick_.add(seen, expected, std::exp(-seconds / stall_memory));
    old_.add(old_seen, old_expected, std::exp(-seconds / stall_memory));

    // A provider that stalls leaves the opens of what it delivered; counting that breaks leaves none.
    if (!blind_ && model_.evidence() > law_.stall_evidence && old_.expected > law_.stall_expected &&
        old_.seen + quick_.seen < law_.blind_share * old_.expected) {
        blind_ = true;
        stalled_ = false;
        slow_ = quick_ = {};
    } else if (blind_ && old_.seen + quick_.seen > law_.stall_share * (old_.expected + quick_.expected)) {
        blind_ = false;
        slow_ = quick_ = {};
        learn_after_ = after(to, median);
    }
    if (blind_) {
        drift_ = 1.0;
        return;
    }

    if (!stalled_ && model_.evidence() > law_.stall_evidence && quick_.expected > law_.stall_expected &&
        quick_.seen < law_.stall_share * quick_.expected) {
        // A stall soon after a trial is the same one.
        const double since_trial = released_ == TimePoint::min() ? kNever : seconds_between(released_, to);
        if (!on_trial_ || since_trial > law_.trial_medians * median) stalled_since_ = after(to, -2.0 * stall_memory);
        stalled_ = true;
        on_trial_ = false;
        stalled_at_ = to;
        slow_ = quick_ = {};
    } else if (stalled_) {
        const double unexplained = quick_.seen - quick_.expected;
        const bool released = unexplained > law_.stall_expected + kReleaseDoubt * std::sqrt(quick_.expected) +
                                                law_.release_error * quick_.expected;
        if (released || trial_due(to)) {
            stalled_ = false;
            on_trial_ = !released;
            // What was held is delivered now; after a trial it may be.
            // It was held for a while before it was missed.
            sent_.redate(after(stalled_since_, -stall_memory), to);
            released_ = to;
            learn_after_ = after(to, seconds_between(stalled_since_, to) + median);
            slow_ = quick_ = {};
        }
    }
    const double surprise = law_.drift_prior + slow_.expected;
    drift_ = stalled_
                 ? 1.0
                 : std::max(1.0, (law_.drift_prior + slow_.seen) / surprise - law_.drift_doubt / std::sqrt(surprise));
}

/// Age up to which messages were surely sent after the last release; the record has slots, so two of them are left out.
double Reaction::sent_since_release(TimePoint now) const {
    if (released_ == TimePoint::min()) return kNever;
    return seconds_between(released_, now) - 2.0 * sent_.resolution();
}

bool Reaction::trial_due(TimePoint now) const {
    return seconds_between(stalled_at_, now) >= law_.trial_medians * model_.median();
}

bool Reaction::stalled(TimePoint now) const {
    // Counting may have ended with the stall; then time alone must let go.
    return stalled_ && !trial_due(now);
}

}  // namespace tidegate
