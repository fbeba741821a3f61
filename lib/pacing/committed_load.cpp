#include "tidegate/pacing/committed_load.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

std::size_t wrapped(std::int64_t slot, std::size_t size) {
    const auto n = static_cast<std::int64_t>(size);
    return static_cast<std::size_t>(((slot % n) + n) % n);
}

}  // namespace

CommittedLoad::CommittedLoad(double horizon, double resolution, TimePoint start)
    : quantum_(resolution), origin_(start), last_(start) {
    cumulative_.assign(static_cast<std::size_t>(std::ceil(horizon / quantum_)) + 2, 0.0);
}

void CommittedLoad::advance(TimePoint now) {
    if (now <= last_) return;
    last_ = now;
    const double slot = std::floor(seconds_between(origin_, now) / quantum_);
    const auto to = static_cast<std::int64_t>(slot);
    if (to <= head_) return;
    const auto size = static_cast<std::int64_t>(cumulative_.size());
    if (to - head_ >= size) {
        std::fill(cumulative_.begin(), cumulative_.end(), total_);
        forgotten_ = total_;
    } else {
        for (std::int64_t s = head_ + 1; s <= to; ++s) {
            double& value = cumulative_[wrapped(s, cumulative_.size())];
            forgotten_ = value;  // the end of slot s - size, which leaves the ring here
            value = total_;
        }
    }
    head_ = to;
}

void CommittedLoad::add(double messages, TimePoint now) {
    advance(now);
    if (!std::isfinite(messages) || messages <= 0.0) return;
    total_ += messages;
    cumulative_[wrapped(head_, cumulative_.size())] = total_;
}

void CommittedLoad::remove(double messages, TimePoint now) {
    advance(now);
    if (!std::isfinite(messages) || messages <= 0.0) return;
    total_ = std::max(forgotten_, total_ - messages);
    // The newest grants are the ones not handed over yet.
    for (std::size_t back = 0; back < cumulative_.size(); ++back) {
        double& value = cumulative_[wrapped(head_ - static_cast<std::int64_t>(back), cumulative_.size())];
        if (value <= total_) break;
        value = total_;
    }
}

double CommittedLoad::sent_before(double seconds) const {
    const double position = seconds / quantum_;
    const double whole = std::floor(position);
    if (whole > static_cast<double>(head_)) return total_;
    const auto size = static_cast<std::int64_t>(cumulative_.size());
    if (whole <= static_cast<double>(head_ - size)) return forgotten_;
    const auto slot = static_cast<std::int64_t>(whole);
    std::size_t index = wrapped(slot, cumulative_.size());
    const double upto = cumulative_[index];
    const double before =
        slot - 1 <= head_ - size ? forgotten_ : cumulative_[index == 0 ? cumulative_.size() - 1 : index - 1];
    double share = position - whole;
    if (slot == head_) {
        // The newest slot is filled only up to the last add; what it holds was spread over that part.
        const double filled = seconds_between(origin_, last_) / quantum_ - whole;
        share = filled > share ? share / filled : 1.0;
    }
    return before + share * (upto - before);
}

double CommittedLoad::between(double from, double to, TimePoint at) const {
    const double seconds = seconds_between(origin_, at);
    return std::max(0.0, sent_before(seconds - from) - sent_before(seconds - to));
}

std::vector<double> CommittedLoad::by_age(const std::vector<double>& edges, TimePoint at) const {
    std::vector<double> messages;
    by_age(edges, at, messages);
    return messages;
}

void CommittedLoad::by_age(const std::vector<double>& edges, TimePoint at, std::vector<double>& messages) const {
    messages.assign(edges.empty() ? 0 : edges.size() - 1, 0.0);
    if (messages.empty()) return;
    const double seconds = seconds_between(origin_, at);
    double newer = sent_before(seconds - edges.front());
    for (std::size_t j = 0; j < messages.size() && newer > forgotten_; ++j) {
        const double older = sent_before(seconds - edges[j + 1]);
        messages[j] = std::max(0.0, newer - older);
        newer = older;
    }
}

void CommittedLoad::redate(TimePoint since, TimePoint now) {
    advance(now);
    if (since >= now) return;
    const double before = sent_before(seconds_between(origin_, since));
    const auto from = static_cast<std::int64_t>(std::floor(std::max(0.0, seconds_between(origin_, since)) / quantum_));
    const auto size = static_cast<std::int64_t>(cumulative_.size());
    for (std::int64_t slot = std::max(from, head_ - size + 1); slot < head_; ++slot)
        cumulative_[wrapped(slot, cumulative_.size())] = std::max(forgotten_, before);
}

}  // namespace tidegate
