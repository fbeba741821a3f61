#include "quota/redis_orders.hpp"

#include <algorithm>

namespace tidegate::quota {
namespace {

constexpr Duration first_pause = std::chrono::milliseconds(250);
constexpr Duration longest_pause = std::chrono::seconds(8);

}  // namespace

std::set<std::string> OrderQueue::subjects() const {
    std::set<std::string> all;
    for (const Order& order : waiting_) all.insert(order.subject);
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

}  // namespace tidegate::quota
