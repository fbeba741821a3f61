#include "tidegate/pacing/committed_load.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

constexpr double kSlotsPerMedian = 20.0;
constexpr int kFineBins = 8;
constexpr double kFineBinsPerMedian = 22.0;
constexpr double kBinGrowth = 1.1;

std::size_t wrapped(std::int64_t slot, std::size_t size) {
    const auto n = static_cast<std::int64_t>(size);
    return static_cast<std::size_t>(((slot % n) + n) % n);
}

}  // namespace

CommittedLoad::CommittedLoad(const ResponseModel& model, TimePoint start)
    : quantum_(model.median() / kSlotsPerMedian), origin_(start), last_(start), believed_total_(model.total()) {
    // Fine bins while the curve rises, then bins that grow with the lag, as the curve flattens with its logarithm.
    const double fine = model.median() / kFineBinsPerMedian;
    bin_edges_.push_back(0.0);
    while (bin_edges_.back() < model.horizon()) {
        const double edge = bin_edges_.size() <= kFineBins ? bin_edges_.back() + fine : bin_edges_.back() * kBinGrowth;
        bin_edges_.push_back(std::min(edge, model.horizon()));
    }
    for (std::size_t j = 0; j + 1 < bin_edges_.size(); ++j)
        bin_weights_.push_back((model.cumulative(bin_edges_[j + 1]) - model.cumulative(bin_edges_[j])) /
                               (bin_edges_[j + 1] - bin_edges_[j]));
    cumulative_.assign(static_cast<std::size_t>(std::ceil(model.horizon() / quantum_)) + 2, 0.0);
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

double CommittedLoad::opens_at(TimePoint at, const ResponseModel& model) const {
    const double seconds = seconds_between(origin_, at);
    double newer = sent_before(seconds);
    double opens = 0.0;
    for (std::size_t j = 0; j < bin_weights_.size() && newer > forgotten_; ++j) {
        const double older = sent_before(seconds - bin_edges_[j + 1]);
        opens += bin_weights_[j] * (newer - older);
        newer = older;
    }
    return std::max(0.0, opens * model.total() / believed_total_);
}

double CommittedLoad::sent_within(double window, TimePoint now) const {
    const double seconds = seconds_between(origin_, now);
    return std::max(0.0, sent_before(seconds) - sent_before(seconds - std::max(0.0, window)));
}

}  // namespace tidegate
