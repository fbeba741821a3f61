#pragma once

#include <cstdint>
#include <vector>

#include "sim/kernel.hpp"
#include "tidegate/base/rng.hpp"
#include "tidegate/sim/crowd.hpp"

namespace tidegate::sim {

/// Opens of one second whose messages are about as old.
struct LagCount {
    double lag_s = 0.0;  ///< since the message was handed to the provider
    double count = 0.0;
};

/// The people of one campaign: takes deliveries, gives opens. Time goes in whole seconds. A message delivered in second
/// s opens in second s + a with the kernel's mass between a and a + 1; ages are pooled in bins that widen with age, and
/// sums of deliveries make a second cost as much as there are bins, however many messages there are.
class Audience {
  public:
    explicit Audience(const Crowd& crowd);

    /// `messages` delivered in second `at`, sent `held` seconds before on average. `order` is the share of the audience
    /// that has been sent; seconds never go back.
    void deliver(std::int64_t at, double messages, double held, double order);
    /// Opens in second `at`, by age; draws from `chance`.
    void open(std::int64_t at, Rng& chance, std::vector<LagCount>& opens) const;
    /// Mean opens in second `at` of everything delivered so far.
    double expected(std::int64_t at) const;
    /// Opens a message sent now causes in the second `lag` seconds later, per message.
    double response(std::int64_t lag, double order) const;
    /// How often people at this place of the audience open, as a multiple.
    double engagement(double order) const;
    /// Messages that may be delivered before the instant everybody waits for, so that its busiest second brings at most
    /// `opens`; what has been delivered counts. Infinite when there is no such instant, or it has passed.
    double rush_room(std::int64_t now, double opens) const;
    /// Lag after which 1 % of the opens remain.
    std::int64_t horizon() const { return horizon_; }
    /// After this many seconds nobody comes any more.
    std::int64_t end() const { return edges_.back(); }

  private:
    struct Sums {
        double weight = 0.0;  ///< deliveries times engagement
        double held = 0.0;    ///< of that, times seconds held
    };
    const Sums& upto(std::int64_t second) const;
    double rush_mass(std::int64_t at) const;

    Crowd crowd_;
    Kernel kernel_;
    std::vector<std::int64_t> edges_;  // ages
    std::vector<double> density_;      // opens per message and second, between two edges
    std::vector<Sums> sums_;           // [s + 1]: all deliveries of seconds 0..s
    std::int64_t horizon_ = 0;
    double busiest_ = 0.0;  // share of the told that come in the busiest second of the rush
    double told_ = 0.0;     // delivered before the rush, times engagement
};

/// Share of all who wait for the instant that come in its busiest second.
double busiest_second(const Rush& rush);

}  // namespace tidegate::sim
