#include "tidegate/ledger/response_record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <type_traits>

namespace tidegate {

namespace {

constexpr std::size_t most_points = 1000;

/// The shortest text that reads back as the same number, whatever the process's locale.
std::string number(double value) {
    std::array<char, 64> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
    return {text.data(), end.ptr};
}

std::string_view take_word(std::string_view& line) {
    const std::size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return word;
}

template <class Number>
bool take(std::string_view& line, Number& into) {
    const std::string_view word = take_word(line);
    const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), into);
    if constexpr (std::is_floating_point_v<Number>) {
        if (!std::isfinite(into)) return false;
    }
    return fault == std::errc{} && end == word.data() + word.size();
}

bool take(std::string_view& line, ResponseFigures& figures) {
    return take(line, figures.open_rate) && take(line, figures.median_s) && take(line, figures.spread);
}

std::string figures_line(const char* name, const ResponseFigures& figures) {
    return std::string(name) + ' ' + number(figures.open_rate) + ' ' + number(figures.median_s) + ' ' +
           number(figures.spread) + '\n';
}

}  // namespace

std::string to_text(const ResponseRecord& record) {
    std::string text = "at " + std::to_string(record.at.time_since_epoch().count()) + "\nknown " + record.known + ' ' +
                       std::to_string(record.opens) + '\n';
    text += figures_line("believed", record.believed) + figures_line("learnt", record.learnt);
    for (const ResponsePoint& point : record.curve)
        text += "point " + number(point.lag_s) + ' ' + number(point.believed) + ' ' + number(point.learnt) + '\n';
    return text;
}

std::optional<ResponseRecord> parse_response_record(std::string_view text) {
    ResponseRecord record;
    bool stamped = false, known = false, believed = false, learnt = false;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const std::string_view name = take_word(line);
        bool fine = false;
        if (name == "at") {
            std::int64_t milliseconds = 0;
            fine = stamped = take(line, milliseconds);
            record.at = WallTime(std::chrono::milliseconds(milliseconds));
        } else if (name == "known") {
            record.known = std::string(take_word(line));
            fine = known = !record.known.empty() && take(line, record.opens);
        } else if (name == "believed") {
            fine = believed = take(line, record.believed);
        } else if (name == "learnt") {
            fine = learnt = take(line, record.learnt);
        } else if (name == "point" && record.curve.size() < most_points) {
            ResponsePoint point;
            fine = take(line, point.lag_s) && take(line, point.believed) && take(line, point.learnt);
            record.curve.push_back(point);
        }
        if (!fine || !line.empty()) return std::nullopt;
    }
    if (!stamped || !known || !believed || !learnt) return std::nullopt;
    return record;
}

}  // namespace tidegate
