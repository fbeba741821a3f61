#include "tidegate/signal/sensor.hpp"

#include <utility>

namespace tidegate {

void PushSensor::push(Observation sample) {
    const std::lock_guard lock(mutex_);
    if (!newest_ || sample.at > newest_->at) newest_ = std::move(sample);
}

Result<Observation> PushSensor::poll(TimePoint) {
    const std::lock_guard lock(mutex_);
    if (newest_) return *newest_;
    return Error{Errc::unavailable, "no sample has been pushed yet", {}, "push samples of this backend from the host"};
}

}  // namespace tidegate
