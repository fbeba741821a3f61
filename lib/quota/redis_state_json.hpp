#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "tidegate/quota/quota_state.hpp"

namespace tidegate::quota {

/// Out of the audit script's answer. Fields it does not know are left alone.
/// Throws: json's own exception, or that of a number, where the answer makes no sense.
QuotaState state_of(const nlohmann::json& answer);

/// What the order script is told; `known` is the newest generation the caller has seen.
nlohmann::json order_json(const std::string& subject, const QuotaChange& what, std::uint64_t known);

}  // namespace tidegate::quota
