#pragma once

#include <cstdint>

#include "tidegate/base/export.hpp"

namespace tidegate {

/// A seeded stream of chance: the same seed gives the same numbers on every machine and library version.
/// Threads: confined to one thread.
/// Source: xoshiro256** seeded by splitmix64 (Blackman and Vigna, "Scrambled linear pseudorandom number generators").
class TIDEGATE_EXPORT Rng {
  public:
    /// The same seed gives the same stream.
    explicit Rng(std::uint64_t seed);

    /// 64 uniform bits.
    std::uint64_t bits();
    /// Uniform in [0, 1).
    double uniform();
    /// Standard normal.
    double normal();
    /// Log-normal with the given median and sigma of the logarithm.
    double log_normal(double median, double sigma);
    /// Poisson with mean `lambda` >= 0.
    std::uint64_t poisson(double lambda);

  private:
    std::uint64_t state_[4];
};

}  // namespace tidegate
