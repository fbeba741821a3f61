#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "customers.hpp"
#include "loop.hpp"
#include "measures.hpp"
#include "tidegate/base/rng.hpp"

namespace twin {

struct CrowdOptions {
    double baseline = 100;  ///< requests/s of customers who know nothing of a campaign
    double open_rate = 0.2;
    double median = 2;        ///< s from the message to the open
    double spread = 0.8;      ///< sigma of the log-normal lag
    double per_open = 3;      ///< requests of one open, over half a second
    double per_delivery = 0;  ///< requests at the moment of delivery
    double retry = 0.45;      ///< share of failed first attempts tried once more, 3 to 5 s later
    std::uint64_t seed = 1;
};

/// The customers: a Poisson baseline, and members who open the app some time after a message reached them. Whether and
/// when one opens depends on the seed and the address alone, so the same people react the same way however a campaign
/// is sent.
class Crowd {
  public:
    Crowd(Loop& loop, const CrowdOptions& options);
    /// Starts the baseline.
    void begin(Customers& customers, Measures& measures);

    void delivered(std::string_view address, TimePoint at);
    void answered(const Customers::Answer& answer);
    void set_surge(double factor) { surge_ = factor; }
    double surge() const { return surge_; }
    /// Members who have not opened yet will not.
    void forget() { ++generation_; }

  private:
    void baseline(TimePoint when);
    void ask(int attempt);
    void ask_later(TimePoint when, int attempt);
    static std::uint64_t whole(double expected, double chance);

    Loop& loop_;
    CrowdOptions options_;
    Customers* customers_ = nullptr;
    Measures* measures_ = nullptr;
    tidegate::Rng arrivals_, retries_;
    double surge_ = 1;
    std::uint64_t generation_ = 0;
    std::unordered_map<std::uint64_t, int> attempt_;
};

}  // namespace twin
