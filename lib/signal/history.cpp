#include "signal/history.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "net/crypto.hpp"

namespace tidegate::signal {

namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;

constexpr int version = 1;
constexpr auto kept_for = std::chrono::hours(7 * 24);
constexpr auto recent = std::chrono::hours(24);
constexpr std::size_t of_a_cell = 12, of_an_old_cell = 3;
constexpr std::size_t at_most = 6000;
constexpr double load_step = 0.1;                // of the load: what falls into one cell
constexpr auto ahead = std::chrono::minutes(5);  // later than now by more: the clock was wrong
constexpr auto gap = std::chrono::minutes(60);   // more between thinned samples was not watched
constexpr double negligible = 0.05;
constexpr std::uint64_t fewest_requests = 50;

bool sound(double value) {
    return std::isfinite(value) && value > 0;
}

/// An hour, and a range of loads within it.
std::pair<std::int64_t, std::int64_t> cell_of(const PastSample& sample) {
    const auto hour = std::chrono::floor<std::chrono::hours>(sample.at).time_since_epoch().count();
    return {hour, static_cast<std::int64_t>(std::floor(std::log(sample.load) / std::log1p(load_step)))};
}

/// Leaves `most` of a cell's samples, those that lie farthest apart in time; `cell` are their places, oldest first.
void spread_out(std::vector<std::size_t>& cell, std::size_t most, const std::vector<PastSample>& samples,
                std::vector<bool>& gone) {
    while (cell.size() > most) {
        std::size_t nearest = 1;
        for (std::size_t i = 1; i + 1 < cell.size(); ++i) {
            const auto room = [&](std::size_t k) { return samples[cell[k + 1]].at - samples[cell[k - 1]].at; };
            if (room(i) < room(nearest)) nearest = i;
        }
        gone[cell[nearest]] = true;
        cell.erase(cell.begin() + static_cast<std::ptrdiff_t>(nearest));
    }
}

/// Milliseconds since 1970; nothing when it is no moment of these centuries.
std::optional<WallTime> moment(const ordered_json& object, const char* name) {
    constexpr std::int64_t last = 100'000'000'000'000;  // a damaged file must not overflow a difference of times
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_integer()) return std::nullopt;
    const auto milliseconds = found->get<std::int64_t>();
    if (milliseconds < 0 || milliseconds > last) return std::nullopt;
    return WallTime(std::chrono::milliseconds(milliseconds));
}

std::optional<PastSample> read_sample(std::string_view line) {
    try {
        const ordered_json object = ordered_json::parse(line);
        if (!object.is_object()) return std::nullopt;
        PastSample sample;
        const std::optional<WallTime> at = moment(object, "at");
        if (!at) return std::nullopt;
        sample.at = *at;
        sample.p99_s = object.at("p99").get<double>();
        sample.load = object.at("load").get<double>();
        if (object.contains("errors")) sample.errors = object.at("errors").get<double>();
        if (object.contains("extra")) {
            for (const auto& [name, value] : object.at("extra").items())
                sample.extra.emplace_back(name, value.get<double>());
        }
        return sample;
    } catch (const ordered_json::exception&) {
        return std::nullopt;
    }
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

std::string spread_of_time(double seconds) {
    const auto told = [](double value, const char* unit) {
        return std::to_string(std::max(1LL, std::llround(value))) + unit;
    };
    if (seconds < 90) return told(seconds, " s");
    if (seconds < 90 * 60) return told(seconds / 60, " min");
    if (seconds < 48 * 3600) return told(seconds / 3600, " h");
    return told(seconds / 86400, " days");
}

/// Whole and grouped from 100 up, three digits below.
std::string short_number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, value >= 100 ? "%.0f" : "%.3g", value);
    std::string number = text;
    if (value < 1000) return number;
    for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(number.size()) - 3; at > 0; at -= 3)
        number.insert(static_cast<std::size_t>(at), ",");
    return number;
}

}  // namespace

std::optional<PastSample> past_sample(const Observation& seen, TimePoint now, WallTime wall) {
    if (!seen.load || !sound(*seen.load) || !sound(seen.p99.count())) return std::nullopt;
    if (seen.samples && *seen.samples < fewest_requests) return std::nullopt;
    PastSample sample;
    sample.at = wall - std::chrono::duration_cast<std::chrono::milliseconds>(now - seen.at);
    sample.p99_s = seen.p99.count();
    sample.load = *seen.load;
    if (seen.errors && std::isfinite(*seen.errors) && *seen.errors >= 0) sample.errors = seen.errors;
    for (const ExtraReading& extra : seen.extra)
        if (std::isfinite(extra.value)) sample.extra.emplace_back(extra.name, extra.value);
    return sample;
}

Observation observation_of(const PastSample& sample, const SignalOptions& signal, TimePoint now, WallTime wall) {
    Observation seen;
    seen.at = now - (wall - sample.at);
    seen.p99 = Seconds(sample.p99_s);
    seen.load = sample.load;
    seen.errors = sample.errors;
    std::visit(
        [&](const auto& options) {
            if constexpr (requires { options.extra; }) {
                for (const ExtraQuery& query : options.extra)
                    for (const auto& [name, value] : sample.extra)
                        if (name == query.name) seen.extra.push_back({name, value, query.limit});
            }
        },
        signal);
    return seen;
}

bool passive(double load, double own) {
    return own <= negligible * load;
}

std::string history_identity(const SignalOptions& signal) {
    const std::string text = std::visit(
        [](const auto& options) -> std::string {
            if constexpr (requires { options.p99; }) {
                std::string all = options.url + '\n' + options.p99 + '\n' + options.load + '\n' + options.errors;
                if constexpr (requires { options.milliseconds; })
                    return "json\n" + all + (options.milliseconds ? "\nms" : "\ns");
                return "prometheus\n" + all;
            } else if constexpr (requires { options.url; }) {
                return "probe\n" + options.url;
            } else {
                return "push";
            }
        },
        signal);
    return net::sha256_hex(text).substr(0, 16);
}

bool tells_load(const SignalOptions& signal) {
    return std::visit(
        [](const auto& options) {
            if constexpr (requires { options.load; })
                return !options.load.empty();
            else
                return std::is_same_v<std::decay_t<decltype(options)>, PushSignal>;
        },
        signal);
}

void History::add(PastSample sample) {
    if (!sound(sample.load) || !sound(sample.p99_s)) return;
    if (busy_until_ != WallTime{} && sample.at >= busy_from_ && sample.at <= busy_until_) return;
    const auto place = std::upper_bound(samples_.begin(), samples_.end(), sample,
                                        [](const PastSample& a, const PastSample& b) { return a.at < b.at; });
    if (place != samples_.begin()) {
        const PastSample& before = *std::prev(place);
        if (before.at == sample.at) return;
        if (before.load == sample.load && before.p99_s == sample.p99_s) return;
    }
    samples_.insert(place, std::move(sample));
}

void History::busy(WallTime from, WallTime until) {
    if (until <= from) return;
    if (busy_until_ < from) busy_from_ = from;  // else it never ceased
    busy_until_ = std::max(busy_until_, until);
}

void History::thin(WallTime now) {
    std::vector<bool> gone(samples_.size(), false);
    std::vector<std::pair<std::pair<std::int64_t, std::int64_t>, std::size_t>> placed;
    for (std::size_t i = 0; i < samples_.size(); ++i) {
        gone[i] = samples_[i].at < now - kept_for || samples_[i].at > now + ahead;
        if (!gone[i]) placed.emplace_back(cell_of(samples_[i]), i);
    }
    std::sort(placed.begin(), placed.end());
    std::vector<std::size_t> cell;
    for (std::size_t i = 0; i < placed.size(); ++i) {
        cell.push_back(placed[i].second);
        if (i + 1 < placed.size() && placed[i + 1].first == placed[i].first) continue;
        spread_out(cell, samples_[cell.back()].at < now - recent ? of_an_old_cell : of_a_cell, samples_, gone);
        cell.clear();
    }
    std::size_t next = 0;
    std::erase_if(samples_, [&](const PastSample&) { return gone[next++]; });
    if (samples_.size() > at_most)
        samples_.erase(samples_.begin(), samples_.end() - static_cast<std::ptrdiff_t>(at_most));
}

HistorySummary History::summary() const {
    HistorySummary summary;
    summary.samples = samples_.size();
    if (unreadable_ > 0) summary.note = std::to_string(unreadable_) + " of its lines cannot be read";
    if (samples_.empty()) return summary;
    summary.newest = samples_.back().at;
    summary.least_load = samples_.front().load;
    for (std::size_t i = 0; i < samples_.size(); ++i) {
        summary.least_load = std::min(summary.least_load, samples_[i].load);
        summary.most_load = std::max(summary.most_load, samples_[i].load);
        summary.worst_p99_s = std::max(summary.worst_p99_s, samples_[i].p99_s);
        if (i > 0 && samples_[i].at - samples_[i - 1].at <= gap)
            summary.watched_s += Seconds(samples_[i].at - samples_[i - 1].at).count();
    }
    return summary;
}

std::string History::text(const std::string& backend, const std::string& identity) const {
    ordered_json head = {{"tidegate_history", version}, {"backend", backend}, {"signal", identity}};
    if (busy_until_ != WallTime{}) {
        head["busy_from"] = busy_from_.time_since_epoch().count();
        head["busy_until"] = busy_until_.time_since_epoch().count();
    }
    std::string text = head.dump() + '\n';
    for (const PastSample& sample : samples_) {
        ordered_json line = {
            {"at", sample.at.time_since_epoch().count()}, {"p99", sample.p99_s}, {"load", sample.load}};
        if (sample.errors) line["errors"] = *sample.errors;
        for (const auto& [name, value] : sample.extra) line["extra"][name] = value;
        text += line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
    }
    return text;
}

Result<History> History::parse(std::string_view text, const std::string& identity) {
    History history;
    const Error strange{Errc::invalid, "is not a history that tidegate wrote", {}, "move it away; a new one begins"};
    const ordered_json head = ordered_json::parse(take_line(text), nullptr, false);
    if (!head.is_object()) return strange;
    try {
        if (const ordered_json& found = head.at("tidegate_history"); found != version) {
            return Error{Errc::refused,
                         "the history has version " + found.dump().substr(0, 20) + "; this tidegate reads version " +
                             std::to_string(version),
                         {},
                         "use the tidegate that wrote it, or move it away"};
        }
        if (head.at("signal").get<std::string>() != identity)
            return Error{Errc::refused, "the history is of another signal", {}, "move it away; a new one begins"};
        const auto from = moment(head, "busy_from"), until = moment(head, "busy_until");
        if (from && until) history.busy(*from, *until);
    } catch (const ordered_json::exception&) {
        return strange;
    }
    // What lies in the file was judged when it was written: only its form is judged here.
    while (!text.empty()) {
        auto sample = read_sample(take_line(text));
        const bool in_order = sample && (history.samples_.empty() || history.samples_.back().at < sample->at);
        if (in_order && sound(sample->load) && sound(sample->p99_s))
            history.samples_.push_back(std::move(*sample));
        else
            ++history.unreadable_;
    }
    return history;
}

}  // namespace tidegate::signal

namespace tidegate {

std::string to_string(const HistorySummary& history) {
    std::string text;
    if (history.samples == 0) {
        text = "none: the first campaign explores carefully";
    } else {
        text = signal::spread_of_time(history.watched_s) + ", loads " + signal::short_number(history.least_load) + "-" +
               signal::short_number(history.most_load) + " requests/s, highest p99 " +
               signal::short_number(history.worst_p99_s * 1000) + " ms";
    }
    return history.note.empty() ? text : text + " (" + history.note + ")";
}

}  // namespace tidegate
