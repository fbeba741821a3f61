#include "delivery/outbox.hpp"

#include <iterator>

namespace tidegate::delivery {

namespace {

template <class T>
void move_behind(std::vector<T>& into, std::vector<T>&& from) {
    if (into.empty()) {
        into = std::move(from);
        return;
    }
    into.insert(into.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

void append(LedgerBatch& into, LedgerBatch&& from) {
    move_behind(into.deliveries, std::move(from.deliveries));
    move_behind(into.finals, std::move(from.finals));
    move_behind(into.cohorts, std::move(from.cohorts));
    move_behind(into.tallies, std::move(from.tallies));
    move_behind(into.backend_ticks, std::move(from.backend_ticks));
    move_behind(into.ticks, std::move(from.ticks));
    move_behind(into.holds, std::move(from.holds));
    move_behind(into.backends, std::move(from.backends));
    move_behind(into.events, std::move(from.events));
    move_behind(into.meta, std::move(from.meta));
    into.attempts += from.attempts;
    into.elapsed_s += from.elapsed_s;
}

void Outbox::push(WriteJob job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
}

std::optional<WriteJob> Outbox::take() {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty()) return std::nullopt;
    WriteJob whole = std::move(jobs_.front());
    jobs_.pop_front();
    while (!jobs_.empty()) {
        WriteJob& next = jobs_.front();
        append(whole.batch, std::move(next.batch));
        move_behind(whole.attempts, std::move(next.attempts));
        move_behind(whole.settled, std::move(next.settled));
        if (!whole.night_falls) whole.night_falls = next.night_falls;  // the same night
        move_behind(whole.reopened, std::move(next.reopened));
        whole.number = next.number;
        whole.last = whole.last || next.last;
        jobs_.pop_front();
    }
    taken_ = true;
    return whole;
}

void Outbox::put_back(WriteJob job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_front(std::move(job));
    taken_ = false;
}

bool Outbox::idle() const {
    const std::lock_guard lock(mutex_);
    return jobs_.empty() && !taken_;
}

void Outbox::finished() {
    const std::lock_guard lock(mutex_);
    taken_ = false;
}

std::size_t Outbox::size() const {
    const std::lock_guard lock(mutex_);
    return jobs_.size();
}

}  // namespace tidegate::delivery
