#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "tidegate/quota/domain.hpp"

namespace tidegate::quota {

/// What a request says of a campaign; with `past` also what it sent before.
nlohmann::json part_json(const CampaignPart& part, bool past);

/// The domain out of an answer given at virtual time `v` (µs) to a request sent at `at`. Cards that make no sense are
/// taken for what they might mean at worst, never for nothing.
/// Throws: json's own exception where the store itself made no sense.
std::vector<DomainCampaign> domain_of(const nlohmann::json& answer, std::int64_t v, TimePoint at);

}  // namespace tidegate::quota
