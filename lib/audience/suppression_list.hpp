#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audience/identity.hpp"

namespace tidegate::audience {

/// Sorted, without repeats.
using DigestList = std::vector<Digest>;

/// Takes a suppression list apart, fed in any portions. Pure.
/// The first field of a line counts, quoted or not; blank lines and lines beginning with '#' do not. Where the field
/// holds a semicolon or a tab, the part before it counts too: an export with another separator must not turn every
/// opt-out into a name nobody has.
class SuppressionListReader {
  public:
    void feed(std::string_view chunk);
    /// The list, or why it cannot be trusted: UTF-16, NUL bytes, a line over 1 MiB.
    std::optional<std::string> finish(DigestList& list);

  private:
    void take(std::string_view line);
    void add(std::string_view identity);

    DigestList digests_;
    std::string rest_;
    bool first_ = true;
    const char* fault_ = nullptr;
};

}  // namespace tidegate::audience
