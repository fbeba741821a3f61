#pragma once

#include <nlohmann/json.hpp>

#include "tidegate/base/text.hpp"
#include "tidegate/signal/history.hpp"

namespace tidegate::cli {

/// A history as `observe`, `check` and `plan` tell it; null for what nobody has seen.
inline nlohmann::ordered_json history_json(const HistorySummary& history) {
    nlohmann::ordered_json json = {{"samples", history.samples}, {"watched_s", history.watched_s},
                                   {"least_load", nullptr},      {"most_load", nullptr},
                                   {"worst_p99_ms", nullptr},    {"newest", nullptr},
                                   {"text", to_string(history)}};
    if (history.samples == 0) return json;
    json["least_load"] = history.least_load;
    json["most_load"] = history.most_load;
    json["worst_p99_ms"] = history.worst_p99_s * 1000;
    json["newest"] = format_wall_time(history.newest);
    return json;
}

}  // namespace tidegate::cli
