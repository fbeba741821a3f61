#include "delivery/learnt_curve.hpp"

#include <cmath>

namespace tidegate::delivery {

namespace {

constexpr int points = 40;
constexpr double first_lag = 1e-3;  // of the horizon
/// One standard deviation to either side of the median.
constexpr double low_share = 0.1587, high_share = 0.8413;

}  // namespace

ResponseRecord response_record(const ResponseOptions& belief, const ResponseModel& learnt, const OpensProgress& opens,
                               WallTime wall) {
    const ResponseModel believed(belief);
    ResponseRecord record;
    record.at = wall;
    record.known = std::string(to_string(opens.known));
    record.opens = opens.seen;
    record.believed = {belief.open_rate, Seconds(belief.median).count(), belief.spread};
    // The curves end where 1 % of the opens are believed to remain; the same share is taken to be missing from both.
    record.learnt.open_rate = belief.open_rate * learnt.total() / believed.total();
    record.learnt.median_s = learnt.quantile(0.5);
    const double low = learnt.quantile(low_share), high = learnt.quantile(high_share);
    record.learnt.spread = low > 0 && high > low ? std::log(high / low) / 2 : belief.spread;
    if (opens.known == OpensKnown::none) record.learnt = record.believed;
    for (int i = 0; i < points; ++i) {
        const double lag = learnt.horizon() * std::pow(first_lag, 1.0 - i / (points - 1.0));
        record.curve.push_back({lag, believed.cumulative(lag), learnt.cumulative(lag)});
    }
    return record;
}

}  // namespace tidegate::delivery
