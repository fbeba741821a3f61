#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "audience/csv_parser.hpp"

namespace tidegate::audience {

/// Reads one JSON object (RFC 8259) into `values`, one for each wanted column: text as it is, numbers as written,
/// true and false by name, a missing or null field empty. Returns why it cannot, or an empty text. Never quotes values.
std::string read_object(std::string_view line, const std::vector<std::string>& wanted,
                        std::vector<std::string>& values);

/// A push parser for one JSON object a line, with the same shape and promises as `CsvParser`.
class NdjsonParser {
  public:
    explicit NdjsonParser(std::vector<std::string> wanted, std::size_t max_line = max_record_bytes)
        : wanted_(std::move(wanted)), max_line_(max_line) {}

    void feed(std::string_view chunk);
    void finish() { finished_ = true; }
    bool next(std::vector<std::string>& values, std::string& malformed);

  private:
    std::vector<std::string> wanted_;
    std::size_t max_line_;
    std::string buffer_;
    std::size_t start_ = 0;   ///< of the line
    std::size_t looked_ = 0;  ///< no line end before this
    bool skipping_ = false;
    bool finished_ = false;
};

}  // namespace tidegate::audience
