#include "quota/sent_record.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace tidegate::quota {
namespace {

constexpr double micro = 1e-6;
constexpr double shortest_bin_s = 0.5;  // half of what lies between two reports

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Messages between neighbouring edges, `width` seconds apart, counted backwards from `newest`.
struct Bins {
    double width_s = 0.0;
    double newest_s = 0.0;         // how long ago the newest bin begins; may be negative for a while
    std::vector<double> messages;  // newest first

    double from(std::size_t i) const { return newest_s + (static_cast<double>(i) - 1.0) * width_s; }
    double to(std::size_t i) const { return from(i) + width_s; }
    /// Messages of ages in [from, to).
    double between(double from_s, double to_s) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < messages.size(); ++i) {
            // What the newest bin holds was sent before now, so it fills only the part of it that has passed.
            const double begins = std::max(0.0, from(i)), ends = to(i);
            const double common = std::min(to_s, ends) - std::max(from_s, begins);
            if (common > 0.0 && ends > begins) sum += messages[i] * std::min(1.0, common / (ends - begins));
        }
        return sum;
    }
};

std::optional<Bins> parse(std::string_view record, std::int64_t v) {
    std::int64_t head[3] = {};
    for (std::int64_t& part : head) {
        const std::size_t space = record.find(' ');
        if (space == std::string_view::npos) return std::nullopt;
        const auto value = number(record.substr(0, space));
        if (!value) return std::nullopt;
        part = *value;
        record.remove_prefix(space + 1);
    }
    const auto [epoch, width, newest] = head;
    if (width <= 0 || newest < 0 || record.size() != std::size_t{record_cells} * record_digits) return std::nullopt;
    Bins bins;
    bins.width_s = static_cast<double>(width) * micro;
    bins.newest_s = static_cast<double>(v - newest * width) * micro;
    for (std::int64_t bin = newest; bin > newest - record_cells; --bin) {
        const auto cell = static_cast<std::size_t>((bin % record_cells + record_cells) % record_cells);
        const auto count = number(record.substr(cell * record_digits, record_digits));
        if (!count) return std::nullopt;
        bins.messages.push_back(static_cast<double>(*count) / 1000.0);
    }
    return bins;
}

}  // namespace

std::vector<SentThen> sent_of(std::string_view record, std::string_view earlier, std::int64_t v) {
    std::optional<Bins> bins = parse(record, v), before = parse(earlier, v);
    if (!bins) std::swap(bins, before);
    std::vector<SentThen> made;
    if (!bins) return made;
    for (std::size_t i = bins->messages.size(); i-- > 0;) {
        const double from = std::max(0.0, bins->from(i)), to = std::max(bins->to(i), from + shortest_bin_s * micro);
        double messages = bins->messages[i];
        if (before) messages = std::max(messages, before->between(from, to));
        if (messages > 0.0) made.push_back({from, to, messages});
    }
    return made;
}

std::int64_t record_width(double horizon_s) {
    const double width = std::isfinite(horizon_s) ? horizon_s / (record_cells - 2) : 0.0;
    return std::llround(std::clamp(width, shortest_bin_s, 1e6) / micro);
}

std::vector<double> in_steps(const std::vector<SentThen>& sent, double step_s) {
    std::vector<double> steps;
    for (const SentThen& then : sent) {
        if (!(then.messages > 0.0) || !(then.to_s > then.from_s) || !(then.from_s >= 0.0)) continue;
        const auto first = static_cast<std::size_t>(then.from_s / step_s);
        for (std::size_t i = first; i < std::size_t{record_cells}; ++i) {
            const double begins = static_cast<double>(i) * step_s;
            const double common = std::min(then.to_s, begins + step_s) - std::max(then.from_s, begins);
            if (common <= 0.0) break;
            if (steps.size() <= i) steps.resize(i + 1, 0.0);
            steps[i] += then.messages * common / (then.to_s - then.from_s);
        }
    }
    return steps;
}

}  // namespace tidegate::quota
