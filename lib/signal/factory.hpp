#pragma once

#include <memory>

#include "net/http.hpp"
#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/signal/options.hpp"
#include "tidegate/signal/sensor.hpp"

namespace tidegate::signal {

/// The sensor a signal describes; a `PushSensor` for `push`. Requests go through `loop`, which somebody must run, and
/// both references must outlive the sensor. `max_age` is the backend's.
/// Errors: the first fault of `validate`.
Result<std::shared_ptr<Sensor>> make_sensor(const SignalOptions& options, net::HttpLoop& loop, const Clock& clock,
                                            Duration max_age);

}  // namespace tidegate::signal
