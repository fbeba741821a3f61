#include "audience/ndjson_parser.hpp"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace tidegate::audience {
namespace {

/// Streams one object straight into the row: no tree is built, and numbers keep the digits they came with.
class ObjectReader final : public nlohmann::json_sax<nlohmann::json> {
  public:
    ObjectReader(const std::vector<std::string>& wanted, std::vector<std::string>& values)
        : wanted_(wanted), values_(values), seen_(wanted.size(), false) {}

    std::string fault;

    bool null() override { return scalar({}); }
    bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
    bool number_integer(std::int64_t value) override { return scalar(std::to_string(value)); }
    bool number_unsigned(std::uint64_t value) override { return scalar(std::to_string(value)); }
    bool number_float(double, const std::string& digits) override { return scalar(digits); }
    bool string(std::string& value) override { return scalar(value); }
    bool binary(nlohmann::json::binary_t&) override { return fail("not a JSON object"); }

    bool start_object(std::size_t) override { return enter(depth_ == 0); }
    bool start_array(std::size_t) override { return enter(false); }
    bool end_object() override { return leave(); }
    bool end_array() override { return leave(); }

    bool key(std::string& name) override {
        if (depth_ != 1) return true;
        const auto found = std::find(wanted_.begin(), wanted_.end(), name);
        column_ = static_cast<std::size_t>(found - wanted_.begin());
        if (column_ == wanted_.size()) return true;
        if (seen_[column_]) return fail("field \"" + name + "\" given twice");
        seen_[column_] = true;
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        return fail("not valid JSON at byte " + std::to_string(position));
    }

  private:
    bool fail(std::string reason) {
        fault = std::move(reason);
        return false;
    }

    bool scalar(std::string_view text) {
        if (depth_ == 0) return fail("not a JSON object");
        if (depth_ != 1 || column_ == wanted_.size()) return true;
        if (text.find('\0') != std::string_view::npos) return fail("NUL byte");
        values_[column_].assign(text);
        return true;
    }

    bool enter(bool is_row) {
        if (depth_ == 0 && !is_row) return fail("not a JSON object");
        if (depth_ == 1 && column_ != wanted_.size()) {
            return fail("field \"" + wanted_[column_] + "\" is nested, not a single value");
        }
        ++depth_;
        return true;
    }

    bool leave() {
        --depth_;
        return true;
    }

    const std::vector<std::string>& wanted_;
    std::vector<std::string>& values_;
    std::vector<bool> seen_;
    std::size_t column_ = 0;
    std::size_t depth_ = 0;
};

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

std::string read_object(std::string_view line, const std::vector<std::string>& wanted,
                        std::vector<std::string>& values) {
    values.resize(wanted.size());
    for (std::string& value : values) value.clear();
    ObjectReader reader(wanted, values);
    const bool read = nlohmann::json::sax_parse(line.begin(), line.end(), &reader);
    return read ? std::string() : reader.fault.empty() ? "not valid JSON" : reader.fault;
}

void NdjsonParser::feed(std::string_view chunk) {
    buffer_.erase(0, start_);
    looked_ -= start_;
    start_ = 0;
    buffer_.append(chunk);
}

bool NdjsonParser::next(std::vector<std::string>& values, std::string& malformed) {
    malformed.clear();
    for (;;) {
        const std::size_t found = buffer_.find('\n', looked_);
        const bool ended = found != std::string::npos;
        const std::size_t end = ended ? found : buffer_.size();
        const std::size_t after = ended ? end + 1 : end;
        if (skipping_) {
            start_ = looked_ = after;
            if (!ended) return false;
            skipping_ = false;
            continue;
        }
        if (after - start_ > max_line_ || (!ended && end - start_ == max_line_)) {
            malformed = "line longer than 1 MiB";
            skipping_ = !ended;
            start_ = looked_ = after;
            return true;
        }
        if (!ended && (!finished_ || start_ == end)) {
            looked_ = end;
            return false;
        }
        const std::string_view line(buffer_.data() + start_, end - start_);
        start_ = looked_ = after;
        if (is_blank(line)) continue;
        malformed = read_object(line, wanted_, values);
        return true;
    }
}

}  // namespace tidegate::audience
