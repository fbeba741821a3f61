#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate {

/// Who must not be sent to. Asked again at every attempt, so a refusal during the campaign counts.
/// Threads: `suppressed` from any thread, `refresh` from one thread (at least every 2 s while a campaign runs).
class TIDEGATE_EXPORT SuppressionSource {
  public:
    virtual ~SuppressionSource() = default;
    /// `identity` is a recipient's key or one of its addresses.
    virtual bool suppressed(std::string_view identity) const = 0;
    /// Looks whether the underlying list changed and takes the new one. Errors: the list cannot be read; the previous
    /// one stays in force and the campaign holds until it can be read again.
    virtual Result<void> refresh() = 0;
};

/// Lists in files: keys, addresses or phone numbers, one a line (the first field of a CSV line counts; blank lines and
/// lines beginning with '#' do not). Phone numbers match whatever their punctuation and +82/0 prefix.
/// A file is read again when its size, time stamp or inode changes. New entries count from that `refresh` on; an entry
/// taken out stops counting after the next `refresh` that finds the file unchanged, so that a list caught half-written
/// frees nobody. Memory: 16 bytes an entry, entries are hashed with
/// SHA-256 and cut to 128 bits.
/// Errors: one fault for each file that cannot be read.
TIDEGATE_EXPORT Result<std::unique_ptr<SuppressionSource>, Faults> open_suppression(
    const std::vector<std::string>& paths);

}  // namespace tidegate
