#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tidegate/ledger/ledger.hpp"
#include "tidegate/ledger/types.hpp"
#include "tidegate/message/message.hpp"

namespace tidegate {

/// One message as one person would get it; key and address are masked.
struct PreviewMessage {
    std::int64_t recipient = 0;
    std::string key, channel, address;
    RenderedMessage message;
    bool operator==(const PreviewMessage&) const = default;
};

/// What a campaign would meet if it were started now.
struct Preview {
    LedgerTotals totals;  ///< after reading the audience: rows, malformed, duplicates, recipients
    std::vector<CohortRecord> cohorts;
    std::vector<MalformedRecord> malformed;  ///< the first 20
    std::uint64_t suppressed = 0, no_consent = 0, no_address = 0;
    std::uint64_t waiting_for_morning = 0;               ///< advertising at night without night consent
    std::map<std::string, std::uint64_t> first_channel;  ///< recipients by the channel tried first
    std::vector<PreviewMessage> samples;
    bool operator==(const Preview&) const = default;
};

}  // namespace tidegate
