#include "tidegate/pacing/admission.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeastWeight = 1e-4;
constexpr double kHorizonGrowth = 1.15;
constexpr double kFirstHorizon = 1.0 / 20.0;  // medians of the quickest campaign
constexpr double kDeliveryWindow = 1.0;       // seconds over which the present delivery rate is measured

double delivery_load(const Commitment& c, TimePoint at) {
    if (c.impact.per_delivery <= 0.0) return 0.0;
    const double window = std::max(kDeliveryWindow, c.reaction->model().median() / 20.0);
    return c.impact.per_delivery * c.reaction->sent().between(0.0, window, at) / window;
}

/// A number for each lag bin, and the bins outside of which all are 0.
struct Bins {
    std::vector<double> values;
    std::size_t from = 0, to = 0;

    void trim() {
        from = 0;
        to = values.size();
        while (from < to && values[from] == 0.0) ++from;
        while (to > from && values[to - 1] == 0.0) --to;
    }
    double dot(const std::vector<double>& density) const {
        // Four sums: one alone would wait for itself at each step.
        double sums[4] = {};
        std::size_t j = from;
        for (; j + 4 <= to; j += 4)
            for (std::size_t k = 0; k < 4; ++k) sums[k] += values[j + k] * density[j + k];
        for (; j < to; ++j) sums[0] += values[j] * density[j];
        return (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
    /// Messages of each age.
    void fill(const Reaction& reaction, TimePoint at) {
        reaction.sent().by_age(reaction.model().edges(), at, values);
        trim();
    }
    /// Seconds of each bin that lie between two lags.
    void fill(const std::vector<double>& edges, double first, double last) {
        values.resize(edges.size() - 1);
        for (std::size_t j = 0; j < values.size(); ++j)
            values[j] = std::max(0.0, std::min(last, edges[j + 1]) - std::max(first, edges[j]));
        trim();
    }
};

/// Load of another campaign with its doubt: the mean of its careful curves.
double careful_load(const Commitment& c, TimePoint at, Bins& messages) {
    if (c.impact.per_open <= 0.0) return 0.0;
    messages.fill(*c.reaction, at);
    double opens = 0.0;
    for (const ResponseModel::Shape& shape : c.reaction->model().shapes())
        if (shape.weight >= kLeastWeight) opens += shape.weight * messages.dot(shape.density);
    return c.impact.per_open * c.reaction->drift() * opens;
}

/// What one shape of the curve allows so far.
struct Candidate {
    const ResponseModel::Shape* shape = nullptr;
    double rate = kInfinity;
    double horizon_s = 0.0;
};

}  // namespace

double predicted_load(const std::vector<Commitment>& commitments, TimePoint at) {
    double load = 0.0;
    for (const Commitment& c : commitments) {
        if (c.impact.per_open > 0.0) load += c.impact.per_open * c.reaction->opens_at(at);
        load += delivery_load(c, at);
    }
    return load;
}

OwnLoad own_load(const std::vector<Commitment>& commitments, TimePoint at, double window_s) {
    OwnLoad own{.predicted = predicted_load(commitments, at), .observed = 0.0};
    for (const Commitment& c : commitments) {
        // What admission reckons with already is no surprise that a margin should be learnt for.
        if (c.impact.per_open > 0.0)
            own.predicted += c.impact.per_open * (c.reaction->drift() - 1.0) * c.reaction->opens_at(at);
        if (own.observed) *own.observed += delivery_load(c, at);
        if (c.impact.per_open <= 0.0) continue;
        const std::optional<double> opens = c.reaction->seen_opens(after(at, -window_s), at);
        if (!opens)
            own.observed.reset();
        else if (own.observed)
            *own.observed += c.impact.per_open * *opens;
    }
    return own;
}

Admission admissible_rate(double room, const Commitment& mine, const std::vector<Commitment>& all, double period_s,
                          TimePoint now, const Law& law) {
    const ResponseModel& model = mine.reaction->model();
    const double promise = std::max(law.promise_periods * period_s, law.promise_medians * model.median());
    const double per_open = std::max(0.0, mine.impact.per_open) * mine.reaction->drift();
    const double per_delivery = std::max(0.0, mine.impact.per_delivery);

    std::vector<Candidate> candidates;
    for (const ResponseModel::Shape& shape : model.shapes())
        if (shape.weight >= kLeastWeight) candidates.push_back({&shape, kInfinity, 0.0});

    // Others that deliver now are taken to go on delivering while this rate is kept.
    double others_delivering = 0.0;
    for (const Commitment& c : all)
        if (c.reaction != mine.reaction) others_delivering += delivery_load(c, now);

    Admission admission;
    Bins messages, felt;  // reused at each horizon
    const auto consider = [&](double horizon) {
        const TimePoint then = after(now, horizon);
        double others = horizon <= promise ? others_delivering : 0.0;
        for (const Commitment& c : all)
            if (c.reaction != mine.reaction) others += careful_load(c, then, messages);
        messages.fill(*mine.reaction, then);
        felt.fill(model.edges(), horizon - promise, horizon);
        const double delivered = horizon <= promise ? per_delivery : 0.0;
        double expected = others;
        for (Candidate& candidate : candidates) {
            const double committed = others + per_open * messages.dot(candidate.shape->density);
            expected += candidate.shape->weight * (committed - others);
            const double effect = delivered + per_open * felt.dot(candidate.shape->density);
            if (effect <= 0.0) continue;
            const double rate = (room - committed) / effect;
            if (!(rate >= candidate.rate)) {
                candidate.rate = rate > 0.0 ? rate : 0.0;
                candidate.horizon_s = horizon;
            }
        }
        admission.committed_peak = std::max(admission.committed_peak, expected);
    };
    // What is sent now is not opened at once, but it is delivered at once.
    if (per_delivery > 0.0 || per_open <= 0.0) consider(0.0);
    // A quicker campaign's load may stand at the room's edge long before this one's messages are opened.
    double quickest = model.median();
    for (const Commitment& c : all) quickest = std::min(quickest, c.reaction->model().median());
    for (double h = kFirstHorizon * quickest; h < model.horizon(); h *= kHorizonGrowth) consider(h);
    consider(model.horizon());

    std::sort(candidates.begin(), candidates.end(),
              [](const Candidate& a, const Candidate& b) { return a.rate < b.rate; });
    double weight = 0.0;
    for (const Candidate& candidate : candidates) {
        admission.rate = candidate.rate;
        admission.horizon_s = candidate.horizon_s;
        if ((weight += candidate.shape->weight) >= law.accepted) break;
    }
    // What is felt at all is never unbounded; numbers beyond all measure may make it look so.
    if (std::isinf(admission.rate) && !std::isinf(room) && per_open + per_delivery > 0.0) admission.rate = 0.0;
    if (mine.reaction->stalled(now)) {
        admission.stalled = true;
        admission.rate = 0.0;
    }
    return admission;
}

}  // namespace tidegate
