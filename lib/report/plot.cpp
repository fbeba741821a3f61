#include "report/plot.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "report/markup.hpp"
#include "report/words.hpp"

namespace tidegate::report {

namespace {

constexpr double kInner = 1200;  // width of the inner picture, in its own units

/// A coordinate: one decimal, no locale, no comma.
std::string place(double value) {
    std::array<char, 64> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::clamp(value, -1e6, 1e6),
                                   std::chars_format::fixed, 1);
    std::string text(buffer.data(), end.ptr);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text == "-0" ? "0" : text;
}

/// A number for the page's script, as exact as it is.
std::string plain(double value) {
    std::array<char, 64> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    return {buffer.data(), end.ptr};
}

std::string percent(double share) {
    std::array<char, 64> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::clamp(share, 0.0, 1.0) * 100.0,
                                   std::chars_format::fixed, 2);
    return std::string(buffer.data(), end.ptr) + "%";
}

/// 1, 2 or 5 times a power of ten, so that about `wanted` of them fill `span`.
double nice_step(double span, double wanted) {
    const double raw = span / wanted, power = std::pow(10.0, std::floor(std::log10(raw)));
    for (const double m : {1.0, 2.0, 5.0}) {
        if (m * power >= raw) return m * power;
    }
    return 10 * power;
}

double time_step(double end) {
    for (const double step : {0.1,   0.2,   0.5,   1.0,    2.0,    5.0,    10.0,    15.0,    30.0,    60.0,   120.0,
                              300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0, 86400.0}) {
        if (end / step <= 6.5) return step;
    }
    return nice_step(end / 86400, 5) * 86400;
}

std::string time_label(double t, double step) {
    if (t < step / 2) return "0";
    if (step >= 86400) return decimal(t / 86400, 1) + " d";
    if (step >= 1800) return decimal(t / 3600, 1) + " h";
    if (step >= 60) return decimal(t / 60, 0) + " min";
    return decimal(t, 1) + " s";
}

std::string value_label(double v, Unit unit) {
    if (unit == Unit::latency) return v <= 0 ? "0" : latency(v);
    if (unit == Unit::count) return brief_count(v);
    return decimal(v, 1);
}

/// As the page's script knows it.
std::string unit_sign(Unit unit) {
    return unit == Unit::latency ? "s" : unit == Unit::per_second ? "/s" : "";
}

std::vector<double> value_ticks(const Scale& s) {
    std::vector<double> out;
    if (s.low > 0) {
        for (double v = std::pow(10.0, std::ceil(std::log10(s.low))); v <= s.top; v *= 10) out.push_back(v);
        return out;
    }
    const double step = nice_step(s.top, s.height > 200 ? 5 : 3.5);
    for (int i = 0; i * step <= s.top * 0.98; ++i) out.push_back(i * step);
    return out;
}

std::string anchor(double share) {
    return share < 0.04 ? "start" : share > 0.96 ? "end" : "middle";
}

/// Vertical lines and times below a picture of `height` pixels.
std::string time_axis(double end, int height) {
    const double step = time_step(end);
    std::string out;
    for (int i = 0; i * step <= end * 1.0001; ++i) {
        const double share = i * step / end;
        const std::string x = percent(share);
        out += "<line class=\"g\" x1=\"" + x + "\" x2=\"" + x + "\" y1=\"0\" y2=\"" + std::to_string(height) + "\"/>";
        out += "<text x=\"" + x + "\" y=\"" + std::to_string(height + 17) + "\" text-anchor=\"" + anchor(share) +
               "\">" + time_label(i * step, step) + "</text>";
    }
    return out;
}

std::string open_svg(const std::string& id, int height, std::string_view title, std::string_view description,
                     const std::string& extra) {
    return "<svg class=\"plot\" width=\"100%\" height=\"" + std::to_string(height + kAxis) +
           "\" role=\"img\" aria-labelledby=\"" + id + "t " + id + "d\"" + extra + "><title id=\"" + id + "t\">" +
           escape(title) + "</title><desc id=\"" + id + "d\">" + escape(description) + "</desc>";
}

}  // namespace

double Scale::y(double value) const {
    double share = 0;
    if (low > 0) {
        share = std::log(std::max(value, low) / low) / std::log(top / low);
    } else {
        share = value / top;
    }
    return height * (1 - std::clamp(share, 0.0, 1.2));
}

std::string Scale::x(double t) const {
    return percent(t / end);
}

Scale scale_for(double end, double highest, double reference, int height, Unit unit) {
    Scale s{end > 0 ? end : 1, 1, 0, height, unit};
    s.top = std::max(highest, reference) * 1.12;
    if (!(s.top > 0) || !std::isfinite(s.top)) s.top = 1;
    if (reference > 0 && highest > 25 * reference) {
        s.low = std::pow(10.0, std::floor(std::log10(reference / 12)));
        s.top = highest * 1.6;
    }
    return s;
}

Plot::Plot(std::string id, const Scale& scale, std::size_t columns)
    : id_(std::move(id)), scale_(scale), columns_(columns) {}

std::string Plot::path(const Curve& curve, bool closed, double base) const {
    std::string d, first_x, last_x;
    const auto close = [&] {
        if (closed && !first_x.empty()) d += "L" + last_x + " " + place(base) + "L" + first_x + " " + place(base) + "Z";
        first_x.clear();
    };
    for (const Point& p : decimate(curve, scale_.end, columns_)) {
        if (!std::isfinite(p.v)) {
            close();
            continue;
        }
        last_x = place(p.t / scale_.end * kInner);
        d += (first_x.empty() ? "M" : "L") + last_x + " " + place(scale_.y(p.v));
        if (first_x.empty()) first_x = last_x;
    }
    close();
    return d;
}

void Plot::band(const Band& band) {
    const double from = std::clamp(band.from / scale_.end, 0.0, 1.0), to = std::clamp(band.to / scale_.end, from, 1.0);
    bands_ += "<rect class=\"hold\" x=\"" + percent(from) + "\" width=\"" + percent(std::max(to - from, 0.002)) +
              "\" y=\"0\" height=\"" + std::to_string(scale_.height) + "\"><title>" + escape(band.title) +
              "</title></rect>";
}

void Plot::area(const Curve& curve, std::string_view look) {
    const std::string d = path(curve, true, scale_.height);
    if (!d.empty()) curves_ += "<path class=\"area " + std::string(look) + "\" d=\"" + d + "\"/>";
}

void Plot::line(const Curve& curve, std::string_view look, std::string_view name) {
    const std::string d = path(curve, false, 0);
    if (d.empty()) return;
    curves_ += "<path class=\"line " + std::string(look) + "\"" +
               (name.empty() ? "" : " data-n=\"" + escape(name) + "\"") + " d=\"" + d + "\"/>";
}

void Plot::line_over(const Curve& curve, double limit, std::string_view look, std::string_view name) {
    line(curve, look, name);
    const double slo = scale_.y(limit);
    const bool over = std::any_of(curve.begin(), curve.end(), [&](const Point& p) { return p.v > limit; });
    if (limit <= 0 || !over) return;
    // A hair above the limit: the shape's own lower edge must not be drawn along it.
    const std::string clip = id_ + "c" + std::to_string(clips_++);
    curves_ += "<clipPath id=\"" + clip + "\"><rect x=\"0\" y=\"-4\" width=\"1200\" height=\"" + place(slo + 3) +
               "\"/></clipPath><g clip-path=\"url(#" + clip + ")\"><path class=\"over " + std::string(look) +
               "\" d=\"" + path(curve, true, slo) + "\"/></g>";
}

void Plot::limit(double value, std::string_view word) {
    const std::string y = place(scale_.y(value));
    over_ += "<line class=\"limit\" x1=\"0\" x2=\"100%\" y1=\"" + y + "\" y2=\"" + y +
             "\"/><text class=\"word\" x=\"100%\" y=\"" + place(scale_.y(value) - 5) + "\" text-anchor=\"end\">" +
             escape(word) + "</text>";
}

void Plot::mark_peak(const Curve& curve, std::string_view look) {
    const Point* top = nullptr;
    for (const Point& p : curve) {
        if (std::isfinite(p.v) && (top == nullptr || p.v > top->v)) top = &p;
    }
    if (top == nullptr) return;
    const double share = top->t / scale_.end;
    const bool left = share > 0.85;
    over_ += "<circle class=\"peak " + std::string(look) + "\" cx=\"" + percent(share) + "\" cy=\"" +
             place(scale_.y(top->v)) + "\" r=\"3.5\"/><text class=\"peak " + std::string(look) + "\" x=\"" +
             percent(share) + "\" dx=\"" + (left ? "-9" : "9") + "\" y=\"" +
             place(std::max(scale_.y(top->v) - 5, 11.0)) + "\" text-anchor=\"" + (left ? "end" : "start") + "\">" +
             value_label(top->v, scale_.unit) + "</text>";
}

std::string Plot::svg(std::string_view title, std::string_view description) const {
    const std::string height = std::to_string(scale_.height);
    std::string out =
        open_svg(id_, scale_.height, title, description,
                 " data-h=\"" + height + "\" data-end=\"" + place(scale_.end) + "\" data-top=\"" + plain(scale_.top) +
                     "\" data-low=\"" + plain(scale_.low) + "\" data-unit=\"" + unit_sign(scale_.unit) + "\"");
    out += time_axis(scale_.end, scale_.height);
    for (const double v : value_ticks(scale_)) {
        const std::string y = place(scale_.y(v));
        out += "<line class=\"" + std::string(v == 0 || v == scale_.low ? "base" : "g") +
               "\" x1=\"0\" x2=\"100%\" y1=\"" + y + "\" y2=\"" + y + "\"/><text x=\"-8\" y=\"" +
               place(scale_.y(v) + 4) + "\" text-anchor=\"end\">" + value_label(v, scale_.unit) + "</text>";
    }
    out += bands_ + "<svg viewBox=\"0 0 1200 " + height + "\" width=\"100%\" height=\"" + height +
           "\" preserveAspectRatio=\"none\">" + curves_ + "</svg>" + over_;
    return out + "</svg>";
}

std::string lanes_svg(const std::string& id, const std::vector<Lane>& lanes, double end, std::string_view title,
                      std::string_view description) {
    constexpr int pitch = 19, bar = 13;
    const int height = static_cast<int>(lanes.size()) * pitch + 4;
    std::string out = open_svg(id, height, title, description, "") + time_axis(end, height);
    for (std::size_t i = 0; i < lanes.size(); ++i) {
        const Lane& lane = lanes[i];
        const int top = static_cast<int>(i) * pitch + 4;
        const std::string text_y = std::to_string(top + bar - 3);
        const std::string words =
            escape(fit(lane.label, std::min<std::size_t>(columns_of(printable(lane.label)), 34))) + " · " +
            grouped(lane.recipients);
        if (!lane.started) {
            out += "<text class=\"lane idle\" x=\"0\" dx=\"4\" y=\"" + text_y + "\">" + words + " · not started</text>";
            continue;
        }
        const double from = std::clamp(lane.from / end, 0.0, 1.0), to = std::clamp(lane.to / end, from, 1.0);
        out += "<rect class=\"bar" + std::string(lane.canary ? " canary" : "") + (lane.finished ? "" : " open") +
               "\" x=\"" + percent(from) + "\" width=\"" + percent(std::max(to - from, 0.003)) + "\" y=\"" +
               std::to_string(top) + "\" height=\"" + std::to_string(bar) + "\" rx=\"2\"><title>" + escape(lane.label) +
               ": " + grouped(lane.recipients) + " recipients, from " + elapsed(lane.from) + " to " +
               (lane.finished ? elapsed(lane.to) : "now, not finished") + "</title></rect>";
        // The words stand where there is room: behind the bar, before it, or upon it.
        std::string x = percent(to), dx = "6", how = "start", look = "lane";
        if (to > 0.62 && from >= 0.38) {
            x = percent(from), dx = "-6", how = "end";
        } else if (to > 0.62) {
            x = percent(from), dx = "6", look = lane.finished ? "lane on" : "lane";
        }
        out += "<text class=\"" + look + "\" x=\"" + x + "\" dx=\"" + dx + "\" y=\"" + text_y + "\" text-anchor=\"" +
               how + "\">" + words + "</text>";
    }
    return out + "</svg>";
}

std::string tracks_svg(const std::string& id, const std::vector<Track>& tracks, double end, std::string_view title,
                       std::string_view description) {
    constexpr int pitch = 36, words = 15, bar = 11;
    const int height = static_cast<int>(tracks.size()) * pitch + 4;
    std::string out = open_svg(id, height, title, description, "") + time_axis(end, height);
    for (std::size_t i = 0; i < tracks.size(); ++i) {
        const int top = static_cast<int>(i) * pitch + 2;
        const std::string y = std::to_string(top + words + 4);
        out += "<text class=\"lane\" x=\"0\" dx=\"2\" y=\"" + std::to_string(top + words) + "\">" +
               escape(tracks[i].label) + "</text>";
        for (const Band& band : tracks[i].bands) {
            const double from = std::clamp(band.from / end, 0.0, 1.0), to = std::clamp(band.to / end, from, 1.0);
            out += "<rect class=\"track " + tracks[i].look + "\" x=\"" + percent(from) + "\" width=\"" +
                   percent(std::max(to - from, 0.0015)) + "\" y=\"" + y + "\" height=\"" + std::to_string(bar) +
                   "\"><title>" + escape(band.title) + "</title></rect>";
        }
    }
    return out + "</svg>";
}

}  // namespace tidegate::report
