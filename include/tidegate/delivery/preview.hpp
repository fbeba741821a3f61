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
    std::int64_t recipient = 0;  ///< number in the audience, from 1
    std::string key{};           ///< masked
    std::string channel{};       ///< the one tried first
    std::string address{};       ///< masked
    RenderedMessage message{};   ///< as it would be sent
    bool operator==(const PreviewMessage&) const = default;
};

/// What a campaign would meet if it were started now.
struct Preview {
    LedgerTotals totals{};                     ///< after reading the audience: rows, malformed, duplicates, recipients
    std::vector<CohortRecord> cohorts{};       ///< with their sizes
    std::vector<MalformedRecord> malformed{};  ///< the first 20
    std::uint64_t suppressed = 0;              ///< on an opt-out list now
    std::uint64_t no_consent = 0;              ///< advertising without consent
    std::uint64_t no_address = 0;              ///< no address any step could use
    std::uint64_t waiting_for_morning = 0;     ///< advertising at night without night consent
    std::map<std::string, std::uint64_t> first_channel{};  ///< recipients by the channel tried first
    std::vector<PreviewMessage> samples{};                 ///< as many as asked for
    bool operator==(const Preview&) const = default;
};

}  // namespace tidegate
