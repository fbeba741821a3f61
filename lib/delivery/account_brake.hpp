#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tidegate/base/clock.hpp"
#include "tidegate/message/attempt.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate::delivery {

/// A message of some campaign; campaigns share accounts, and delivery ids are each campaign's own.
struct Asker {
    const void* run = nullptr;
    DeliveryId id = 0;

    bool operator==(const Asker&) const = default;
};

/// Slows a provider account down when the provider asks for it or is down. Two reasons to rest:
///
/// * down: 20 transient answers in a row. One success ends it;
/// * throttled: one answer that refuses for the account's rate or quota. `Retry-After` counts, up to ten minutes.
///
/// After the rest one message asks whether it is over; each refusal doubles the rest, from 1 s to 60 s. Whoever was
/// throttled goes on at half the rate that brought it there and gains that rate again within half a minute; when it has
/// come to twice that rate nothing is left of the brake. A throttled answer on the way halves again. Pure.
class AccountBrake {
  public:
    bool passes(TimePoint now) const;

    /// A message was handed over: while resting it is the only one until its answer, or a minute, has passed.
    void passed(const Asker& message, TimePoint now);

    /// It was not handed over after all: another one may ask.
    void held_back(const Asker& message, TimePoint now);

    void record(const Asker& message, const Outcome& answer, TimePoint now);

    /// Nothing goes now but a question whether the provider is back.
    bool resting() const { return rest_ != Rest::none; }
    /// Whether the provider is at fault for the rest, rather than our rate.
    bool down() const { return rest_ == Rest::down; }
    /// Since when it has been down; nothing while it is not.
    std::optional<TimePoint> down_since() const { return down_since_; }
    /// Credentials, balance or the account itself were refused: down at once, and asked once a minute.
    void pause(TimePoint now);
    /// Whether it is down until a person acts.
    bool paused() const { return paused_; }
    /// Messages a second while the account recovers.
    std::optional<double> limit(TimePoint now) const;
    /// Why it rests or is slow, for people; empty otherwise.
    std::string words(TimePoint now) const;

  private:
    enum class Rest : std::uint8_t { none, down, throttled };

    void begin_rest(Rest why, Duration asked, TimePoint now);
    void refused_again(Duration asked, TimePoint now);
    void end_rest(TimePoint now);
    void slow_down(TimePoint now);
    double rate_so_far(TimePoint now) const;

    // resting
    std::uint32_t in_a_row_ = 0;  // transient answers
    Rest rest_ = Rest::none;
    Duration length_{0};  // of the newest rest; zero once it is forgotten
    TimePoint next_{};    // when the next message may ask
    std::optional<Asker> asker_;
    std::optional<TimePoint> down_since_;
    bool paused_ = false;

    // recovering
    double before_ = 0;     // messages a second at which the provider refused; 0 = no limit
    TimePoint resumed_{};   // when the limit began to rise
    TimePoint free_at_{};   // when the limit admits the next message
    TimePoint counting_{};  // since when `counted_` messages have passed
    double counted_ = 0;
    double measured_ = 0;  // messages a second over the count before
};

}  // namespace tidegate::delivery
