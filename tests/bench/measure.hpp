#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "tidegate/base/clock.hpp"

namespace tidegate::bench {

/// Processor time of this process so far, seconds: all threads, user and system.
double processor_seconds();
/// The most memory this process ever had resident, KiB (VmHWM); 0 when the kernel does not tell.
long peak_resident_kib();
/// Prints one line of JSON for run.sh.
void report(std::initializer_list<std::pair<const char*, double>> figures);

/// Rate of a stream of completions between its first and its last tenth, so that neither handshakes nor the last
/// stragglers count. Feed it with a count that grows.
class SteadyRate {
  public:
    explicit SteadyRate(std::uint64_t messages) : first_(messages / 10), last_(messages - messages / 10) {}

    void seen(std::uint64_t done) {
        if (done >= first_ && from_ == 0) {
            from_ = done;
            began_ = std::chrono::steady_clock::now();
            cpu_ = processor_seconds();
        }
        if (done >= last_ && to_ == 0) {
            to_ = done;
            ended_ = std::chrono::steady_clock::now();
            cpu_ = processor_seconds() - cpu_;
        }
    }
    double per_second() const { return to_ > from_ ? messages() / Seconds(ended_ - began_).count() : 0; }
    /// Processor time of this process per message, microseconds.
    double cpu_us() const { return to_ > from_ ? 1e6 * cpu_ / messages() : 0; }

  private:
    double messages() const { return static_cast<double>(to_ - from_); }

    const std::uint64_t first_, last_;
    std::uint64_t from_ = 0, to_ = 0;
    TimePoint began_, ended_;
    double cpu_ = 0;
};

}  // namespace tidegate::bench
