#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <unordered_map>

#include "tidegate/base/clock.hpp"
#include "tidegate/channel/channel.hpp"

namespace tidegate::channel {

/// The attempts handed over and not completed yet. Whoever closes a ticket first wins; everyone later is ignored: that
/// is what makes completion exactly once when an answer races with `stop`. Threads: every member from any thread.
class InFlight {
  public:
    using Ticket = std::uint64_t;

    /// 0 once closed: the attempt was not taken and nobody has been told.
    Ticket open(DeliveryId delivery, std::shared_ptr<const Completion> done);
    /// Tells the submitter, unless somebody did already. The ticket no longer counts as active during the call.
    void complete(Ticket ticket, Outcome outcome);
    std::size_t active() const;
    /// Takes no more.
    void close();
    /// Waits until nothing is active and no completion is being delivered; false when `deadline` came first. Only after
    /// `close`, and never from within a completion.
    bool drain(const Clock& clock, TimePoint deadline) const;
    void complete_all(const Outcome& outcome);

  private:
    struct Entry {
        DeliveryId delivery = 0;
        std::shared_ptr<const Completion> done;
    };
    void tell(const Entry& entry, Outcome outcome);

    mutable std::mutex mutex_;
    std::unordered_map<Ticket, Entry> entries_;
    Ticket next_ = 1;
    std::size_t telling_ = 0;
    bool closed_ = false;
    std::stop_source drained_;
};

/// Calls a completion; what it throws ends here, for neither the loop nor `stop` could do anything about it.
void call(const Completion& done, DeliveryId delivery, Outcome outcome) noexcept;

}  // namespace tidegate::channel
