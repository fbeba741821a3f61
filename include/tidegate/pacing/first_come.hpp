#pragma once

#include <optional>
#include <string>

#include "tidegate/pacing/controller.hpp"
#include "tidegate/pacing/options.hpp"
#include "tidegate/pacing/response_model.hpp"

namespace tidegate {

/// How people answer an instant they all wait for (a sale that opens at 11:00): whoever was told before comes then, not
/// a lag after the message.
struct RushOptions {
    double response = 0.6;                      ///< share of the told who come, (0, 1]
    Duration median = std::chrono::seconds(6);  ///< after the instant
    double spread = 0.9;                        ///< sigma of the log-normal lag, (0, 4]
    double again_share = 0.5;                   ///< of those who came, come again after the disappointment, 0..1
    Duration again = std::chrono::seconds(60);  ///< that much later, median

    bool operator==(const RushOptions&) const = default;
    TIDEGATE_EXPORT Faults validate() const;  ///< all faults at once
};

/// What one backend can do for those who come at the instant.
struct RushRoom {
    double room = 0.0;      ///< requests/s that may be ours then, >= 0
    double per_open = 0.0;  ///< requests one of them causes

    bool operator==(const RushRoom&) const = default;
};

/// What a first-come event allows at one moment.
struct RushWord {
    double may_tell = 0.0;  ///< messages that may still go; infinite when the event binds nothing
    std::string reason{};   ///< why no more, one line for people; empty when it binds nothing

    bool operator==(const RushWord&) const = default;
};

/// Decides how many may be told before a fixed instant. Latency cannot brake such a crowd: it comes within seconds, all
/// at once, whatever the messages' ages; so only the number of the told is in our hands. Before the instant so many are
/// told as the busiest second can serve; while they are being served nobody is told; afterwards the response curve
/// holds again. Pure; the Gate, the plan and the simulator ask it.
class TIDEGATE_EXPORT FirstCome {
  public:
    explicit FirstCome(const RushOptions& rush);  ///< options that validate

    /// Opens per told person between two moments, in seconds after the instant.
    double opens(double from_s, double to_s) const;
    /// The most opens per told person in any second.
    double busiest_second() const { return busiest_; }
    /// Seconds after the instant until the crowd has been served.
    double served_after() const { return served_after_; }
    /// The largest audience whose busiest second keeps within the room.
    double largest_lot(const RushRoom& room) const;
    /// `until_s`: seconds until the instant, negative after it. `told`: messages released so far.
    RushWord decide(double until_s, double told, double lot) const;

  private:
    RushOptions rush_;
    ResponseModel first_, again_;
    double busiest_ = 0.0, served_after_ = 0.0;
};

/// Requests/s of ours that a backend can take at the instant: what its engineers have proven less the reserve and the
/// others' load. Without a hint only what the controller trusts it with at this moment counts.
TIDEGATE_EXPORT double room_at_instant(const BackendOptions& limits, const Advice& advice);

}  // namespace tidegate
