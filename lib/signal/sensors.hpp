#pragma once

#include <memory>

#include "net/http.hpp"
#include "tidegate/base/clock.hpp"
#include "tidegate/signal/options.hpp"
#include "tidegate/signal/sensor.hpp"

namespace tidegate::signal {

/// The three kinds that look over HTTP. Options must be valid.
std::shared_ptr<Sensor> make_prometheus(const PrometheusSignal& signal, net::HttpLoop& loop, const Clock& clock);
std::shared_ptr<Sensor> make_json(const JsonSignal& signal, net::HttpLoop& loop, const Clock& clock);
std::shared_ptr<Sensor> make_probe(const ProbeSignal& signal, net::HttpLoop& loop, const Clock& clock,
                                   Duration max_age);

}  // namespace tidegate::signal
