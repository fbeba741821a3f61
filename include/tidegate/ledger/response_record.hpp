#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/export.hpp"

namespace tidegate {

/// How people react to a message, in the three numbers that a campaign file's [response] takes.
struct ResponseFigures {
    double open_rate = 0;  ///< share who open
    double median_s = 0;   ///< lag from send to open
    double spread = 0;     ///< sigma of the lag's logarithm: half of ln(lag of 84 % / lag of 16 %)

    bool operator==(const ResponseFigures&) const = default;
};

/// Opens per message up to a lag.
struct ResponsePoint {
    double lag_s = 0;     ///< seconds after the send
    double believed = 0;  ///< by the campaign file
    double learnt = 0;    ///< by the opens seen

    bool operator==(const ResponsePoint&) const = default;
};

/// What a campaign believed about its response and what it learnt.
struct ResponseRecord {
    WallTime at{};                       ///< when it was written
    std::string known{};                 ///< how opens became known: "attributed", "counted" or "none"
    std::uint64_t opens = 0;             ///< that taught it
    ResponseFigures believed{};          ///< as the campaign file says
    ResponseFigures learnt{};            ///< the same while nothing is known
    std::vector<ResponsePoint> curve{};  ///< in order of lag

    bool operator==(const ResponseRecord&) const = default;
};

/// Under this name the record lies in a ledger's `meta`.
inline constexpr const char* meta_response = "response";
/// The record as lines of text, described in lib/ledger/README.md.
TIDEGATE_EXPORT std::string to_text(const ResponseRecord& record);
/// Back again; nothing when it is no such text.
TIDEGATE_EXPORT std::optional<ResponseRecord> parse_response_record(std::string_view text);

}  // namespace tidegate
