#include "quota/redis_orders.hpp"

#include <algorithm>

namespace tidegate::quota {
namespace {

constexpr Duration first_pause = std::chrono::milliseconds(250);
constexpr Duration longest_pause = std::chrono::seconds(8);

}  // namespace

std::map<std::string, QuotaChange> OrderQueue::changes() const {
    std::map<std::string, QuotaChange> all;
    for (const Order& order : waiting_) {
        QuotaChange& change = all[order.subject];
        if (order.what.state) change.state = order.what.state;
        if (order.what.rate) change.rate = order.what.rate;
    }
    return all;
}

void OrderQueue::taken() {
    if (!waiting_.empty()) waiting_.pop_front();
    again_ = TimePoint::min();
    pause_ = Duration::zero();
    trouble_.clear();
}

void OrderQueue::refused(const std::string& why, TimePoint now) {
    if (waiting_.empty()) return;
    pause_ = pause_ == Duration::zero() ? first_pause : std::min(2 * pause_, longest_pause);
    again_ = now + pause_;
    trouble_ = "the order to '" + waiting_.front().subject + "' is not taken yet (" + why + "); it is offered again";
}

void OrderQueue::not_yet(const std::string& why, TimePoint now) {
    pause_ = Duration::zero();
    refused(why, now);
}

}  // namespace tidegate::quota
