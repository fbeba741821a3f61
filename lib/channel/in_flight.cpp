#include "channel/in_flight.hpp"

#include <utility>
#include <vector>

namespace tidegate::channel {

void call(const Completion& done, DeliveryId delivery, Outcome outcome) noexcept {
    try {
        if (done) done(delivery, std::move(outcome));
    } catch (...) {  // NOLINT(bugprone-empty-catch)
    }
}

InFlight::Ticket InFlight::open(DeliveryId delivery, std::shared_ptr<const Completion> done) {
    const std::lock_guard lock(mutex_);
    if (closed_) return 0;
    const Ticket ticket = next_++;
    entries_.emplace(ticket, Entry{delivery, std::move(done)});
    return ticket;
}

void InFlight::complete(Ticket ticket, Outcome outcome) {
    Entry entry;
    {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(ticket);
        if (found == entries_.end()) return;
        entry = std::move(found->second);
        entries_.erase(found);
        ++telling_;
    }
    tell(entry, std::move(outcome));
}

void InFlight::tell(const Entry& entry, Outcome outcome) {
    call(*entry.done, entry.delivery, std::move(outcome));
    const std::lock_guard lock(mutex_);
    --telling_;
    if (closed_ && entries_.empty() && telling_ == 0) drained_.request_stop();
}

std::size_t InFlight::active() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

void InFlight::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (entries_.empty() && telling_ == 0) drained_.request_stop();
}

bool InFlight::drain(const Clock& clock, TimePoint deadline) const {
    std::stop_token drained;
    {
        const std::lock_guard lock(mutex_);
        drained = drained_.get_token();
    }
    if (!drained.stop_requested()) (void)clock.wait_until(deadline, drained);
    return drained.stop_requested();
}

void InFlight::complete_all(const Outcome& outcome) {
    std::vector<Entry> rest;
    {
        const std::lock_guard lock(mutex_);
        rest.reserve(entries_.size());
        for (auto& [ticket, entry] : entries_) rest.push_back(std::move(entry));
        entries_.clear();
        telling_ += rest.size();
    }
    for (const Entry& entry : rest) tell(entry, outcome);
}

}  // namespace tidegate::channel
