#include <algorithm>
#include <cmath>
#include <limits>

#include "tidegate/pacing/committed_load.hpp"

namespace tidegate {
namespace {

constexpr double kFirstHorizon = 1.0 / 3.0;  // of the median lag
constexpr double kHorizonGrowth = 1.4;
constexpr double kCommit = 1.0;          // medians that a rate is assumed to be held
constexpr double kLeastEffect = 0.02;    // of all opens: keeps far and near horizons from dividing by nothing
constexpr double kDeliveryWindow = 1.0;  // seconds over which the present delivery rate is measured
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double doubt_of(const Commitment& c, bool with_doubt) {
    return with_doubt ? c.model->doubt() : 1.0;
}

double opens_load(const Commitment& c, TimePoint at, bool with_doubt) {
    if (c.impact.per_open <= 0.0) return 0.0;
    return c.impact.per_open * doubt_of(c, with_doubt) * c.load->opens_at(at, *c.model);
}

double delivery_load(const Commitment& c, TimePoint at) {
    if (c.impact.per_delivery <= 0.0) return 0.0;
    const double window = std::max(kDeliveryWindow, c.model->median() / 20.0);
    return c.impact.per_delivery * c.load->sent_within(window, at) / window;
}

}  // namespace

double predicted_load(const std::vector<Commitment>& commitments, TimePoint at, bool with_doubt) {
    double load = 0.0;
    for (const Commitment& c : commitments) load += opens_load(c, at, with_doubt) + delivery_load(c, at);
    return load;
}

Admission admissible_rate(double room, const Commitment& mine, const std::vector<Commitment>& all, TimePoint now) {
    const ResponseModel& model = *mine.model;
    const double doubt = model.doubt();
    const double commit = kCommit * model.median();
    const double per_open = std::max(0.0, mine.impact.per_open);
    const double per_delivery = std::max(0.0, mine.impact.per_delivery);

    // Others that deliver now are taken to go on delivering while this rate is held.
    double others_delivering = 0.0;
    for (const Commitment& c : all)
        if (c.load != mine.load) others_delivering += delivery_load(c, now);

    Admission admission{.rate = kInfinity};
    const auto consider = [&](double horizon) {
        double committed = horizon <= commit ? others_delivering : 0.0;
        for (const Commitment& c : all) committed += opens_load(c, after(now, horizon), true);
        admission.committed_peak = std::max(admission.committed_peak, committed);
        double effect = horizon <= commit ? per_delivery : 0.0;
        if (per_open > 0.0) {
            const double felt = model.cumulative(horizon) - model.cumulative(horizon - commit);
            effect += doubt * per_open * std::max(felt, kLeastEffect * model.total());
        }
        if (effect <= 0.0) return;
        const double rate = (room - committed) / effect;
        if (!(rate >= admission.rate)) {
            admission.rate = rate > 0.0 ? rate : 0.0;
            admission.horizon_s = horizon;
        }
    };
    // What is sent now is not opened at once, but it is delivered at once.
    if (per_delivery > 0.0 || per_open <= 0.0) consider(0.0);
    for (double h = kFirstHorizon * model.median(); h < model.horizon(); h *= kHorizonGrowth) consider(h);
    consider(model.horizon());
    return admission;
}

}  // namespace tidegate
