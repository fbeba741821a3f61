#pragma once

#include "tidegate/delivery/opens.hpp"
#include "tidegate/ledger/response_record.hpp"
#include "tidegate/pacing/response_model.hpp"

namespace tidegate::delivery {

/// The curve that was believed beside the one that opens taught, for the ledger. Pure.
ResponseRecord response_record(const ResponseOptions& belief, const ResponseModel& learnt, const OpensProgress& opens,
                               WallTime wall);

}  // namespace tidegate::delivery
