#pragma once

#include <cstdint>
#include <string>

#include "tidegate/audience/recipient.hpp"
#include "tidegate/audience/source.hpp"

namespace tidegate {

/// SHA-256 (hexadecimal) over keys, addresses, fields, consents and cohort values of every well-formed row in order,
/// repeated keys included: what `SqliteLedger::ingest` recorded as "audience_fingerprint" when the content is the same.
/// `limit`: rows read at most; 0 = all. Reads the source to its end; does not rewind it.
/// Errors: columns missing (the first of them); the source failed.
TIDEGATE_EXPORT Result<std::string> audience_fingerprint(AudienceSource& audience, const AudienceMapping& mapping,
                                                         std::uint64_t limit);

}  // namespace tidegate
