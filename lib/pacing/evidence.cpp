#include "pacing/evidence.hpp"

#include <cmath>

namespace tidegate::pacing {
namespace {

constexpr std::uint64_t kFewestRequests = 50;  // a p99 of fewer rests on less than half a request
constexpr int kFrozenWithLoad = 6;
constexpr int kFrozenWithoutLoad = 18;

std::string number_flaw(const std::string& name, double value) {
    if (std::isnan(value)) return name + " is not a number";
    if (std::isinf(value)) return name + " is infinite";
    if (value < 0.0) return name + " is negative";
    return {};
}

}  // namespace

std::string Evidence::flaw(const Observation& sample, TimePoint now) const {
    if (seconds_between(now, sample.at) > period_) return "its time lies in the future";
    if (std::string f = number_flaw("p99", sample.p99.count()); !f.empty()) return f;
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
    if (sample.p99.count() == 0.0 && (!sample.load || *sample.load > 0.0)) return "p99 is zero";
    if (sample.samples && *sample.samples < kFewestRequests &&
        !(sample.load && *sample.load * period_ < static_cast<double>(kFewestRequests)))
        return "p99 rests on " + std::to_string(*sample.samples) + " requests, fewer than 50";
    return {};
}

bool Evidence::same_values(const Observation& sample) const {
    return last_ && last_->p99 == sample.p99 && last_->load == sample.load && last_->errors == sample.errors &&
           last_->extra == sample.extra;
}

Judgement Evidence::judge(const Observation& sample, double own, TimePoint now) {
    if (last_ && sample.at <= last_->at) return {};
    if (std::string why = flaw(sample, now); !why.empty()) return {Worth::nothing, std::move(why)};

    const bool repeated = same_values(sample);
    last_ = sample;
    if (!repeated) {
        repeats_ = 1;
        frozen_ = false;
        return {sample.samples && *sample.samples < kFewestRequests ? Worth::thin : Worth::full, {}};
    }
    // A backend nobody uses shows the same zeros for ever, and truthfully; once we load it, zeros are a frozen
    // exporter.
    const bool idle = sample.load && *sample.load == 0.0 && own * period_ < 1.0;
    if (!idle) ++repeats_;
    if (repeats_ >= (sample.load ? kFrozenWithLoad : kFrozenWithoutLoad)) frozen_ = true;
    return {Worth::repeated, {}};
}

}  // namespace tidegate::pacing
