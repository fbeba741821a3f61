#pragma once

#include <string>
#include <string_view>

#include "report/curves.hpp"

namespace tidegate::report {

enum class Unit { per_second, latency, count };

/// How time and values become places. Linear from zero, or logarithmic when `low` is above zero.
struct Scale {
    double end = 1;    ///< seconds at the right edge
    double top = 1;    ///< value at the upper edge
    double low = 0;    ///< value at the lower edge of a logarithmic scale; 0 = linear
    int height = 180;  ///< pixels
    Unit unit = Unit::per_second;

    double y(double value) const;
    /// "12.5%" of the width.
    std::string x(double t) const;
};

/// A scale whose upper edge leaves some air above `highest`; logarithmic when `reference` would vanish at its foot.
Scale scale_for(double end, double highest, double reference, int height, Unit unit);

/// One chart as inline SVG. Curves live in an inner picture stretched to the width; text and bands do not stretch.
/// `id` must be unique in the page. Everything given is escaped here.
class Plot {
  public:
    Plot(std::string id, const Scale& scale, std::size_t columns);

    void band(const Band& band);
    void area(const Curve& curve, std::string_view look);
    /// `name` is what the read-out calls it; empty = not in the read-out.
    void line(const Curve& curve, std::string_view look, std::string_view name);
    /// A curve whose part above `limit` is drawn as trouble.
    void line_over(const Curve& curve, double limit, std::string_view look, std::string_view name);
    /// A horizontal line with a word at its right end.
    void limit(double value, std::string_view word);
    /// A dot and the value at the curve's highest point.
    void mark_peak(const Curve& curve, std::string_view look);

    std::string svg(std::string_view title, std::string_view description) const;

  private:
    std::string path(const Curve& curve, bool closed, double base) const;

    std::string id_;
    Scale scale_;
    std::size_t columns_;
    std::string bands_, curves_, over_;
    int clips_ = 0;
};

/// The cohorts as bars on the same time axis.
std::string lanes_svg(const std::string& id, const std::vector<Lane>& lanes, double end, std::string_view title,
                      std::string_view description);

/// One line of a time table: what was so during these bands.
struct Track {
    std::string label;
    std::string look;  ///< colour class of its bars
    std::vector<Band> bands;
};

/// Tracks below each other on the same time axis, each with its words above its bars.
std::string tracks_svg(const std::string& id, const std::vector<Track>& tracks, double end, std::string_view title,
                       std::string_view description);

/// Height in pixels of what is common below every picture: the times.
inline constexpr int kAxis = 24;

}  // namespace tidegate::report
