#include "pacing/evidence.hpp"

#include <algorithm>
#include <cmath>

#include "pacing/words.hpp"

namespace tidegate::pacing {
namespace {

constexpr double kTraffic = 50.0;  // requests of ours in a period that cannot go unseen

constexpr double kLongestLatency = 86400.0;  // seconds
constexpr double kMostLoad = 1e12;           // requests/s
constexpr double kLeap = 16.0;               // times the load: a counter that ran over, or a stampede
constexpr double kFrozenWithoutLoad = 3.0;   // times as many equal samples: one value alone may well stand still

std::string number_flaw(const std::string& name, double value) {
    if (std::isnan(value)) return name + " is not a number";
    if (std::isinf(value)) return name + " is infinite";
    if (value < 0.0) return name + " is negative";
    return {};
}

}  // namespace

std::string Evidence::flaw(const Observation& sample, double own, TimePoint now) const {
    if (seconds_between(now, sample.at) > period_) return "its time lies in the future";
    if (std::string f = number_flaw("p99", sample.p99.count()); !f.empty()) return f;
    if (sample.p99.count() > kLongestLatency) return "p99 is over a day";
    if (sample.load.value_or(0.0) > kMostLoad) return "load is beyond all measure";
    if (sample.load) {
        if (std::string f = number_flaw("load", *sample.load); !f.empty())
            return *sample.load < 0.0 ? f + " (a counter was reset)" : f;
    } else if (last_ && last_->load) {
        return "load is missing, which was there before";
    }
    if (sample.errors) {
        if (std::string f = number_flaw("error share", *sample.errors); !f.empty()) return f;
        if (*sample.errors > 1.0) return "error share is above 1";
    }
    for (const ExtraReading& extra : sample.extra) {
        if (std::string f = number_flaw(extra.name, extra.value); !f.empty()) return f;
        if (!(extra.limit > 0.0)) return extra.name + " has no limit above zero";
    }
    if (sample.load && *sample.load == 0.0 && own * period_ >= kTraffic)
        return "no load at all, although what we sent is being opened";
    if (sample.p99.count() == 0.0 && (!sample.load || *sample.load > 0.0)) return "p99 is zero";
    if (few(sample) && !(sample.load && *sample.load * period_ < law_.fewest_requests))
        return "p99 rests on " + std::to_string(*sample.samples) + " requests, fewer than " +
               brief(law_.fewest_requests);
    return {};
}

bool Evidence::few(const Observation& sample) const {
    return sample.samples && static_cast<double>(*sample.samples) < law_.fewest_requests;
}

bool Evidence::leaps(double load, double own) const {
    if (!believed_) return false;
    return load > kLeap * std::max({*believed_, own, law_.fewest_requests / period_});
}

bool Evidence::same_values(const Observation& sample) const {
    return last_ && last_->p99 == sample.p99 && last_->load == sample.load && last_->errors == sample.errors &&
           last_->extra == sample.extra;
}

Judgement Evidence::judge(const Observation& sample, double own, TimePoint now) {
    if (last_ && sample.at <= last_->at) return {};
    if (std::string why = flaw(sample, own, now); !why.empty()) return {Worth::nothing, std::move(why)};

    const bool repeated = same_values(sample);
    last_ = sample;
    if (!repeated) {
        repeats_ = 1;
        frozen_ = false;
        if (sample.load) {
            const bool doubtful = leaps(*sample.load, own) && !(doubted_ && *sample.load * kLeap > *doubted_);
            if (doubtful) {
                doubted_ = sample.load;
                return {Worth::doubtful, "load is " + brief(*sample.load) + "/s all of a sudden"};
            }
            doubted_.reset();
            believed_ = sample.load;
        }
        return {few(sample) ? Worth::thin : Worth::full, {}};
    }
    // A backend nobody uses shows the same zeros for ever, and truthfully; once we load it, zeros are a frozen
    // exporter.
    const bool idle = sample.load && *sample.load == 0.0 && own * period_ < 1.0;
    if (idle) return {Worth::thin, {}};
    ++repeats_;
    if (repeats_ >= law_.frozen_samples * (sample.load ? 1.0 : kFrozenWithoutLoad)) frozen_ = true;
    return {Worth::repeated, {}};
}

}  // namespace tidegate::pacing
