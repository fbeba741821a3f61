#include "tidegate/pacing/first_come.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Medians after which the first wave has been served: with a spread of 0.9, 94 % have come.
constexpr double kServedMedians = 4.0;
/// The busiest second is looked for in steps of a quarter of a second, but in no more steps than these.
constexpr double kStep = 0.25;
constexpr double kMostSteps = 2000.0;

ResponseModel wave(double share, Duration median, double spread) {
    return ResponseModel({.open_rate = share, .median = median, .spread = spread});
}

void expect(Faults& faults, bool fine, std::string where, std::string what, std::string hint) {
    if (!fine) faults.push_back({Errc::invalid, std::move(what), std::move(where), std::move(hint)});
}

bool plausible(Duration lag) {
    return lag >= std::chrono::milliseconds(100) && lag <= std::chrono::hours(24);
}

}  // namespace

Faults RushOptions::validate() const {
    Faults faults;
    expect(faults, response > 0.0 && response <= 1.0, "response", "the response is not above 0 and at most 1",
           "state the share of the told who come at the instant, e.g. 0.6");
    expect(faults, plausible(median), "median", "the median lag is not between 100 ms and one day",
           "state the time from the instant to the open, e.g. \"6s\"");
    expect(faults, spread > 0.0 && spread <= 4.0, "spread", "the spread is not above 0 and at most 4",
           "state the sigma of the log-normal lag, e.g. 0.9");
    expect(faults, again_share >= 0.0 && again_share <= 1.0, "again_share",
           "the share who come again is not between 0 and 1", "state a share of those who came, e.g. 0.5");
    expect(faults, plausible(again), "again", "the lag of those who come again is not between 100 ms and one day",
           "state it after the instant, e.g. \"60s\"");
    return faults;
}

FirstCome::FirstCome(const RushOptions& rush)
    : rush_(rush),
      first_(wave(rush.response, rush.median, rush.spread)),
      again_(wave(rush.response, rush.again, rush.spread)) {
    const double median = Seconds(rush.median).count();
    const double again = rush.again_share > 0.0 ? Seconds(rush.again).count() : 0.0;
    served_after_ = again + kServedMedians * median;
    const double last = std::max(10.0 * median, 2.0 * again);
    const double step = std::max(kStep, last / kMostSteps);
    for (double from = 0.0; from < last; from += step) busiest_ = std::max(busiest_, opens(from, from + 1.0));
}

double FirstCome::opens(double from_s, double to_s) const {
    return first_.cumulative(to_s) - first_.cumulative(from_s) +
           rush_.again_share * (again_.cumulative(to_s) - again_.cumulative(from_s));
}

double FirstCome::largest_lot(const RushRoom& room) const {
    if (!(room.per_open > 0.0)) return kInfinity;
    return std::max(0.0, room.room) / (room.per_open * busiest_);
}

RushWord FirstCome::decide(double until_s, double told, double lot) const {
    if (until_s <= 0.0) {
        if (-until_s < served_after_) return {0.0, "held: the crowd of the instant is being served"};
        return {kInfinity, {}};
    }
    if (!std::isfinite(lot)) return {kInfinity, {}};
    const double left = std::floor(lot) - told;
    const std::string most =
        std::to_string(std::llround(std::floor(lot))) + " is the largest audience that can be served at the instant";
    if (left < 1.0) return {0.0, "held: " + most};
    return {left, most};
}

double room_at_instant(const BackendOptions& limits, const Advice& advice) {
    if (!limits.capacity_hint) return advice.room;
    return std::max(0.0, (1.0 - limits.reserve) * *limits.capacity_hint - advice.baseline);
}

}  // namespace tidegate
