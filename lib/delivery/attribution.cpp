#include "delivery/attribution.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tidegate {

std::string_view to_string(OpensKnown known) {
    switch (known) {
        case OpensKnown::attributed:
            return "attributed";
        case OpensKnown::counted:
            return "counted";
        case OpensKnown::none:
            break;
    }
    return "none";
}

}  // namespace tidegate

namespace tidegate::delivery {

namespace {

/// By which the clocks of whoever saw the open and of ours may differ.
constexpr auto clocks_differ = std::chrono::seconds(2);
constexpr double silent_s = 30.0, silent_medians = 1.0;
constexpr double shortest_s = 1.0, steps_in_median = 8.0, most_intervals = 240.0;
constexpr double replaced_after_s = 60.0, replaced_after_medians = 2.0;

}  // namespace

Attribution::Attribution(std::int64_t recipients, double horizon_s, TimePoint begun)
    : opened_(static_cast<std::size_t>(std::max<std::int64_t>(recipients, 0)) + 1, false),
      horizon_s_(horizon_s),
      until_(begun) {}

Result<Attribution::Lesson> Attribution::attribute(const std::vector<Open>& opens, TimePoint told, WallTime wall,
                                                   double median_s, const WhoOpened& who) {
    Lesson lesson;
    std::vector<std::pair<TimePoint, double>> aged;  // when, and how long after the message
    std::vector<std::size_t> marked;
    const auto undo = [&](const Error& error) {
        for (const std::size_t person : marked) opened_[person] = false;
        return error;
    };
    for (const Open& open : opens) {
        auto id = who.find(open.key);
        if (!id) return undo(id.error());
        if (!*id || static_cast<std::size_t>(**id) >= opened_.size()) {
            ++lesson.unknown;
            continue;
        }
        const auto person = static_cast<std::size_t>(**id);
        if (opened_[person]) {
            ++lesson.repeated;
            continue;
        }
        auto sent = who.sent(**id, open.at + clocks_differ);
        if (!sent) return undo(sent.error());
        if (!*sent) {
            ++lesson.early;
            continue;
        }
        opened_[person] = true;
        marked.push_back(person);
        const double age = std::max(0.0, Seconds(open.at - **sent).count());
        if (age >= horizon_s_) {
            ++lesson.late;
            continue;
        }
        ++lesson.seen;
        aged.emplace_back(told - std::max<Duration>(wall - open.at, Duration(0)), age);
    }

    const TimePoint since = until_, to = std::max(told, since);
    TimePoint from = to;
    if (seconds_between(since, to) <= std::max(silent_s, silent_medians * median_s)) {
        from = since;
    } else if (!aged.empty()) {
        from = std::clamp(std::min_element(aged.begin(), aged.end())->first, since, to);
    }
    until_ = to;
    if (from >= to) return lesson;
    // An interval is taken to see each message at one age: it must be short against the lag.
    const double all = seconds_between(from, to);
    const double step = std::max(shortest_s, median_s / steps_in_median);
    const auto count = static_cast<std::size_t>(std::clamp(std::ceil(all / step), 1.0, most_intervals));
    const Duration each = (to - from) / static_cast<Duration::rep>(count);
    for (std::size_t i = 0; i < count; ++i) {
        const TimePoint begins = from + each * static_cast<Duration::rep>(i);
        lesson.intervals.push_back({{}, begins, i + 1 == count ? to : begins + each});
    }
    for (const auto& [when, age] : aged) {
        // What came to us late is told with the earliest that is still open to learning, at its true age.
        const double share = std::clamp(seconds_between(from, when) / all, 0.0, 1.0);
        const auto place = std::min(count - 1, static_cast<std::size_t>(share * static_cast<double>(count)));
        lesson.intervals[place].opens.push_back({age, 1.0});
    }
    return lesson;
}

bool counts_stand(const std::optional<TimePoint>& attributed, TimePoint now, double median_s) {
    return !attributed ||
           seconds_between(*attributed, now) > std::max(replaced_after_s, replaced_after_medians * median_s);
}

}  // namespace tidegate::delivery
