#include "audience/csv_parser.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace tidegate::audience {
namespace {

using Table = std::array<bool, 256>;

constexpr Table table_of(std::string_view bytes) {
    Table table{};
    for (char c : bytes) table[static_cast<unsigned char>(c)] = true;
    return table;
}

constexpr Table ends_unquoted = table_of(std::string_view(",\"\r\n\0", 5));
constexpr Table ends_quoted = table_of(std::string_view("\"\n\0", 3));

std::size_t find(const Table& table, const std::string& text, std::size_t from, std::size_t limit) {
    const char* data = text.data();
    while (from < limit && !table[static_cast<unsigned char>(data[from])]) ++from;
    return from;
}

}  // namespace

void CsvParser::feed(std::string_view chunk) {
    buffer_.erase(0, start_);
    pos_ -= start_;
    start_ = 0;
    buffer_.append(chunk);
}

bool CsvParser::next(std::vector<std::string>& values, std::string& malformed) {
    malformed.clear();
    for (;;) {
        Step step = scan();
        if (step == Step::more && finished_) step = at_end();
        switch (step) {
            case Step::more:
                return false;
            case Step::blank:
                begin_record(pos_);
                break;
            case Step::record:
                if (nul_) {
                    malformed = "NUL byte";
                } else {
                    materialise(values);
                }
                begin_record(pos_);
                return true;
            case Step::fault:
                malformed = reason_;
                resync();
                return true;
        }
    }
}

CsvParser::Step CsvParser::scan() {
    if (state_ == State::skip_line) {
        const std::size_t end = buffer_.find('\n', pos_);
        begin_record(end == std::string::npos ? buffer_.size() : end + 1);
        if (end == std::string::npos) {
            state_ = State::skip_line;
            return Step::more;
        }
    }
    // The limit is a place in the record, not in the portion, so that portions cannot change what is over-long.
    const std::size_t limit = std::min(buffer_.size(), start_ + max_record_);
    while (pos_ < limit) {
        const char c = buffer_[pos_];
        switch (state_) {
            case State::field_start:
                quoted_field_ = c == '"';
                if (quoted_field_) ++pos_;
                field_ = {pos_ - start_, 0, false};
                state_ = quoted_field_ ? State::quoted : State::unquoted;
                break;
            case State::unquoted:
                pos_ = find(ends_unquoted, buffer_, pos_, limit);
                if (pos_ == limit) break;
                switch (buffer_[pos_++]) {
                    case ',':
                        end_field(pos_ - 1);
                        break;
                    case '\n':
                        return end_record(pos_ - 1);
                    case '\r':
                        field_.end = pos_ - 1 - start_;
                        state_ = State::carriage_return;
                        break;
                    case '"':
                        reason_ = "quote inside an unquoted field";
                        return Step::fault;
                    default:
                        nul_ = true;
                }
                break;
            case State::quoted:
                pos_ = find(ends_quoted, buffer_, pos_, limit);
                if (pos_ == limit) break;
                switch (buffer_[pos_++]) {
                    case '"':
                        state_ = State::quote_in_quoted;
                        break;
                    case '\n':
                        if (second_line_ == none) second_line_ = pos_ - start_;
                        break;
                    default:
                        nul_ = true;
                }
                break;
            case State::quote_in_quoted:
                ++pos_;
                if (c == '"') {
                    field_.doubled = true;
                    state_ = State::quoted;
                } else if (c == ',') {
                    end_field(pos_ - 2);
                } else if (c == '\n') {
                    return end_record(pos_ - 2);
                } else if (c == '\r') {
                    field_.end = pos_ - 2 - start_;
                    state_ = State::carriage_return;
                } else {
                    reason_ = "text after a closing quote";
                    return Step::fault;
                }
                break;
            case State::carriage_return:
                if (c != '\n') {
                    reason_ = "carriage return without a line feed";
                    return Step::fault;
                }
                ++pos_;
                return end_record(start_ + field_.end);
            case State::skip_line:
                break;  // left above
        }
    }
    if (pos_ - start_ >= max_record_) {
        reason_ = "record longer than 1 MiB";
        return Step::fault;
    }
    return Step::more;
}

CsvParser::Step CsvParser::at_end() {
    if (pos_ == start_) return Step::more;  // nothing, or a skipped line, is left
    switch (state_) {
        case State::field_start:
            quoted_field_ = false;
            field_ = {pos_ - start_, 0, false};
            return end_record(pos_);
        case State::unquoted:
            return end_record(pos_);
        case State::quote_in_quoted:
            return end_record(pos_ - 1);
        case State::carriage_return:
            return end_record(start_ + field_.end);
        case State::quoted:
        case State::skip_line:
            break;
    }
    reason_ = "quote never closed";
    return Step::fault;
}

CsvParser::Step CsvParser::end_record(std::size_t field_end) {
    const bool blank = fields_.empty() && !quoted_field_ && field_end == start_;
    end_field(field_end);
    return blank ? Step::blank : Step::record;
}

void CsvParser::end_field(std::size_t end) {
    field_.end = end - start_;
    fields_.push_back(field_);
    state_ = State::field_start;
}

void CsvParser::begin_record(std::size_t at) {
    start_ = pos_ = at;
    state_ = State::field_start;
    second_line_ = none;
    nul_ = false;
    fields_.clear();
}

void CsvParser::resync() {
    if (second_line_ != none) return begin_record(start_ + second_line_);
    begin_record(pos_);
    state_ = State::skip_line;
}

void CsvParser::materialise(std::vector<std::string>& values) const {
    values.resize(fields_.size());
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        const Field& field = fields_[i];
        const std::string_view raw(buffer_.data() + start_ + field.begin, field.end - field.begin);
        std::string& value = values[i];
        if (!field.doubled) {
            value.assign(raw);
            continue;
        }
        value.clear();
        for (std::size_t at = 0; at < raw.size(); ++at) {
            value += raw[at];
            if (raw[at] == '"') ++at;
        }
    }
}

}  // namespace tidegate::audience
