#pragma once

#include <cstdint>
#include <vector>

#include "sim/audience.hpp"

namespace tidegate::sim {

/// Somebody opens, and how old the message is then.
struct Opening {
    std::int64_t person = 0;
    double at_s = 0.0, age_s = 0.0;
};

/// The people of one campaign, each for himself: whether and when somebody opens is his own, whatever else happens.
/// Every chance is drawn from the person's own stream. The exact grain's counterpart of `Audience`.
class People {
  public:
    People(const Crowd& crowd, std::size_t count, std::uint64_t seed);

    /// The message reaches a person's device at `at_s`, released `age_s` before. A second copy merges on the device.
    void deliver(std::int64_t person, double at_s, double age_s);
    /// Who opens in second `t`, in the order of opening. Seconds never go back.
    std::vector<Opening> open(std::int64_t t);

    std::uint64_t reached() const { return reached_; }
    std::uint64_t twice() const { return twice_; }
    /// Nobody who was reached is still to open.
    bool quiet() const { return to_come_ == 0; }

  private:
    void plan(std::int64_t person, double at_s, double age_s);

    Crowd crowd_;
    Audience curve_;
    Kernel kernel_;
    std::uint64_t seed_;
    std::vector<std::uint8_t> copies_;            // by person, at most 2
    std::vector<std::vector<Opening>> openings_;  // by second
    std::size_t next_ = 0;                        // first second that is not over
    std::uint64_t reached_ = 0, twice_ = 0, to_come_ = 0;
};

}  // namespace tidegate::sim
