#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/places.hpp"
#include "tidegate/sim/simulate.hpp"

namespace sim_test {

/// Reads "NAME" or "FOLDER/NAME" under examples/incidents.
inline tidegate::sim::Scenario scenario(const std::string& name) {
    auto read = tidegate::sim::read_scenario(tidegate::test::source_dir() + "/examples/incidents/" + name + ".toml");
    if (!read) FAIL(read.error().front().text());
    return *read;
}

/// A row of the table of the pacing notes.
inline tidegate::sim::Scenario row(const std::string& name) {
    return scenario("table/" + name);
}

inline double median_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace sim_test
