#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tidegate/base/result.hpp"

namespace tidegate {

/// One row of an audience as it came: values stand in the order of `AudienceSource::columns()`.
/// `malformed`, when not empty, says why the row cannot be used ("quote never closed"); its values are then ignored.
struct AudienceRow {
    std::uint64_t number = 0;           ///< 1 = the first row of data (for a file: the line or record after the header)
    std::vector<std::string> values{};  ///< one for each column
    std::string malformed{};            ///< why the row cannot be used; empty = it can

    bool operator==(const AudienceRow&) const = default;
};

/// A table of recipients, pulled one row at a time; implement it over whatever you have.
/// Threads: used by one thread at a time, the one that called `Gate::start`.
class TIDEGATE_EXPORT AudienceSource {
  public:
    virtual ~AudienceSource() = default;
    /// Column names; fixed once the source is open.
    virtual const std::vector<std::string>& columns() const = 0;
    /// Fills `row` (reusing its memory) and returns true; false at the end.
    /// Errors: the source itself failed (I/O); a bad row is not an error but `AudienceRow::malformed`.
    virtual Result<bool> next(AudienceRow& row) = 0;
    /// Starts again from the first row. Errors: `refused` when the source cannot (standard input).
    virtual Result<void> rewind() = 0;
};

/// Opens a CSV file (RFC 4180: quoted fields, doubled quotes, embedded newlines, CRLF or LF, optional UTF-8 BOM; the
/// first record is the header), an NDJSON file (name ending in .ndjson or .jsonl: one object a line; `wanted` becomes
/// the columns, scalars become text, a missing or null field is empty) or "-" (standard input; NDJSON when its first
/// byte is '{', else CSV).
/// Errors: cannot be opened or read; empty header; a column named twice.
TIDEGATE_EXPORT Result<std::unique_ptr<AudienceSource>> open_audience(const std::string& path,
                                                                      const std::vector<std::string>& wanted);

}  // namespace tidegate
