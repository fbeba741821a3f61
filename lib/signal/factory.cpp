#include "signal/factory.hpp"

#include <variant>

#include "signal/sensors.hpp"

namespace tidegate::signal {

namespace {

struct Make {
    net::HttpLoop& loop;
    const Clock& clock;
    Duration max_age;

    std::shared_ptr<Sensor> operator()(const ProbeSignal& signal) const {
        return make_probe(signal, loop, clock, max_age);
    }
    std::shared_ptr<Sensor> operator()(const PrometheusSignal& signal) const {
        return make_prometheus(signal, loop, clock);
    }
    std::shared_ptr<Sensor> operator()(const JsonSignal& signal) const { return make_json(signal, loop, clock); }
    std::shared_ptr<Sensor> operator()(const PushSignal&) const { return std::make_shared<PushSensor>(); }
};

}  // namespace

Result<std::shared_ptr<Sensor>> make_sensor(const SignalOptions& options, net::HttpLoop& loop, const Clock& clock,
                                            Duration max_age) {
    if (const auto faults = validate(options, max_age); !faults.empty()) return faults.front();
    return std::visit(Make{loop, clock, max_age}, options);
}

}  // namespace tidegate::signal
