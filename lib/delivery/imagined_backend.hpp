#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "tidegate/base/rng.hpp"
#include "tidegate/delivery/site.hpp"
#include "tidegate/pacing/admission.hpp"
#include "tidegate/pacing/controller.hpp"

namespace tidegate::delivery {

/// A backend in thought: the controller of production, over telemetry as it would come if the site's figures were
/// right. It has to learn what the backend bears like any other, so a forecast contains the time that takes. With a
/// hint the backend is the smooth plant of the pacing notes, whose hint is four fifths of its capacity; without one it
/// bears everything, and what the forecast then shows is the law feeling its way. Loads and latencies scatter as that
/// plant's do, always in the same way. After some hours of it the law has learnt what it will, and its mean room stands
/// for the rest. Pure; confined to one thread.
class ImaginedBackend {
  public:
    ImaginedBackend(const Backend& backend, double baseline, TimePoint start);

    /// Takes the samples that are due by `now`. `median_s` and `per_open` are the campaign's.
    void live(const std::vector<Commitment>& ours, double median_s, double per_open, TimePoint now);
    /// Requests/s that ours may reach; 0 while it holds.
    double room() const { return room_; }
    double period_s() const { return period_s_; }

  private:
    Observation look(double load);
    void sample(const std::vector<Commitment>& ours);

    std::optional<double> capacity_;
    double slo_s_, baseline_, period_s_;
    std::unique_ptr<Controller> controller_;
    Rng chance_;
    TimePoint next_;
    double drift_ = 0.0;  // of the others' load, slowly varying
    std::size_t samples_ = 0;
    double room_ = 0.0, sum_ = 0.0;
};

}  // namespace tidegate::delivery
