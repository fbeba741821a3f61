#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tidegate/quota/domain.hpp"

namespace tidegate::quota {

/// How the store keeps what a campaign has sent: "<epoch> <width, µs> <newest bin> <cells>", a ring of `record_cells`
/// counts in thousandths of a message, `record_digits` digits each; bin b stands in cell b modulo their number.
inline constexpr int record_cells = 240;
inline constexpr int record_digits = 12;

/// Reads a record at virtual time `v` (µs), oldest first, empty bins left out. `earlier` is what another server, or
/// this one before it lost its memory, knew: bin by bin the larger number counts. What cannot be read is empty.
std::vector<SentThen> sent_of(std::string_view record, std::string_view earlier, std::int64_t v);

/// Width of a bin for a campaign that is felt that long, µs.
std::int64_t record_width(double horizon_s);

/// The same by age in steps of `step_s`, youngest first; at most `record_cells` of them.
std::vector<double> in_steps(const std::vector<SentThen>& sent, double step_s);

}  // namespace tidegate::quota
