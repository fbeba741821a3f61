#pragma once

#include <memory>
#include <vector>

#include "delivery/backend_watch.hpp"
#include "delivery/campaign_run.hpp"
#include "tidegate/delivery/gate.hpp"

namespace tidegate {

/// What a handle refers to; its Gate may go before it.
struct CampaignHandle::Run {
    std::shared_ptr<delivery::CampaignRun> run;
    std::shared_ptr<std::vector<std::unique_ptr<delivery::BackendWatch>>> backends;
};

}  // namespace tidegate
