#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tidegate/delivery/progress.hpp"
#include "tidegate/quota/shared_quota.hpp"

namespace tidegate::control {

/// {"campaigns":[...],"backends":[...],"quota":{...}}: what `GET /status` answers. NaN and infinity become null; the
/// quota is null where limits are not shared.
std::string status_json(const std::vector<Progress>& campaigns, const std::vector<BackendProgress>& backends,
                        const std::optional<QuotaView>& quota = {});

/// The same for Prometheus (text exposition format 0.0.4).
std::string status_metrics(const std::vector<Progress>& campaigns, const std::vector<BackendProgress>& backends,
                           const std::optional<QuotaView>& quota = {});

/// A page that asks for the token once and shows the status, refreshed each second.
const std::string& dashboard_page();

}  // namespace tidegate::control
