#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tidegate/quota/quota_state.hpp"

namespace tidegate::quota {

/// Out of the audit script's answer. Fields it does not know are left alone.
/// Throws: json's own exception, or that of a number, where the answer makes no sense.
QuotaState state_of(const nlohmann::json& answer);

/// What the order script is told; `known` is the newest generation the caller has seen, `clock` what the store told of
/// its own for this order, if it did.
nlohmann::json order_json(const std::string& subject, const QuotaChange& what, std::uint64_t known,
                          const std::optional<std::string>& clock, const SharedQuotaOptions& options);

/// A text in an answer; empty where there is none.
std::string word_in(const nlohmann::json& answer, const char* name);

/// The store's clock, where it took the order for an old one: name it and ask again.
std::optional<std::string> clock_to_name(const nlohmann::json& answer);

}  // namespace tidegate::quota
