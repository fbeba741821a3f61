#pragma once

#include "tidegate/pacing/response_model.hpp"

namespace tidegate::pacing {

/// What must be survived: `reserve` of `capacity` vanishes while messages are in flight.
struct Shock {
    double capacity = 0.0;    ///< requests/s today
    double reserve = 0.0;     ///< share that may vanish, 0..0.9
    double baseline = 0.0;    ///< requests/s that are not ours
    double surge = 0.0;       ///< share by which these may rise
    double reaction_s = 0.0;  ///< until telemetry shows it and sends stop
    double slo_s = 0.0;       ///< p99 objective
};

/// The most requests/s of ours such that, with capacity cut or others' load risen, our load held for the reaction time
/// and then fading along `model`, the backlog never exceeds five times the objective's worth of work. Infinite without
/// a shock.
/// Source: reference law, "shock reserve".
double survivable_load(const Shock& shock, const ResponseModel& model, const Law& law = {});

}  // namespace tidegate::pacing
