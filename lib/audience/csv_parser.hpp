#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::audience {

/// The longest CSV record or NDJSON line we take, its line end included. A longer one is malformed, not fatal.
inline constexpr std::size_t max_record_bytes = std::size_t{1} << 20;

/// A push parser for CSV: feed it bytes in any portions, take records out. Pure; the portions never change the records.
///
/// Records follow RFC 4180, with LF accepted as a line end too. Blank lines are skipped. A broken record costs exactly
/// the physical line it began on: parsing resumes at the start of the next line, so a quote that is never closed cannot
/// swallow the people after it.
class CsvParser {
  public:
    explicit CsvParser(std::size_t max_record = max_record_bytes) : max_record_(max_record) {}

    /// Appends input. Call it when `next` has returned false, so that memory stays at one record and one portion.
    void feed(std::string_view chunk);
    /// No more input will come.
    void finish() { finished_ = true; }
    /// Takes the next record into `values` (reusing its memory); `malformed` says why it is broken, or is empty.
    /// False: more input is needed, or all is done.
    bool next(std::vector<std::string>& values, std::string& malformed);

  private:
    enum class State { field_start, unquoted, quoted, quote_in_quoted, carriage_return, skip_line };
    enum class Step { more, record, blank, fault };
    struct Field {
        std::size_t begin = 0, end = 0;  ///< offsets from the start of the record
        bool doubled = false;            ///< holds "" pairs
    };
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    Step scan();
    Step at_end();
    Step end_record(std::size_t field_end);
    void end_field(std::size_t end);
    void begin_record(std::size_t at);
    void resync();
    void materialise(std::vector<std::string>& values) const;

    std::size_t max_record_;
    std::string buffer_;
    std::size_t start_ = 0;  ///< of the record, in buffer_
    std::size_t pos_ = 0;    ///< next byte to look at
    State state_ = State::field_start;
    Field field_;
    bool quoted_field_ = false;
    std::size_t second_line_ = none;  ///< offset from start_ of the record's second physical line
    bool nul_ = false;
    bool finished_ = false;
    const char* reason_ = "";
    std::vector<Field> fields_;
};

}  // namespace tidegate::audience
