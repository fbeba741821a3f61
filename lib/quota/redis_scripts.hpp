#pragma once

#include <string>

namespace tidegate::quota {

/// The protocol's number: nodes that speak another are refused.
inline constexpr int protocol = 2;

/// KEYS[1] the domain's hash, ARGV[1] a request as JSON; answers JSON. README.md tells what they do in prose.
const std::string& acquire_script();
/// ARGV[2] the channel that hears of the order.
const std::string& order_script();
/// Reads only: every node's entry and both sums of every resource, the one kept and the one counted anew.
const std::string& audit_script();

}  // namespace tidegate::quota
