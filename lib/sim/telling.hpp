#pragma once

#include <string>

#include "tidegate/sim/comparison.hpp"

namespace tidegate::sim {

// How results are told to people, the same in every form.

/// Of all campaigns together.
double recipients_of(const Scenario& scenario);
/// "impact", "static 1,000/s".
std::string label_of(const Policy& policy);
/// "1.067", "∞".
std::string multiple(double value);
/// "339 s": seconds over are compared, so they are never told in minutes.
std::string seconds_word(double seconds);
/// "1.067 · 0(3)", and how many seeds finished when not all did.
std::string cell_of(const Record& record);

}  // namespace tidegate::sim
