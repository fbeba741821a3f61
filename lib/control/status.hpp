#pragma once

#include <string>
#include <vector>

#include "tidegate/delivery/progress.hpp"

namespace tidegate::control {

/// {"campaigns":[...],"backends":[...]}: what `GET /status` answers. NaN and infinity become null.
std::string status_json(const std::vector<Progress>& campaigns, const std::vector<BackendProgress>& backends);

/// The same for Prometheus (text exposition format 0.0.4).
std::string status_metrics(const std::vector<Progress>& campaigns, const std::vector<BackendProgress>& backends);

/// A page that asks for the token once and shows the status, refreshed each second.
const std::string& dashboard_page();

}  // namespace tidegate::control
