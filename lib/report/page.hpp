#pragma once

#include <string>
#include <vector>

#include "report/curves.hpp"

namespace tidegate::report {

/// A panel with everything that is drawn of it.
struct Sheet {
    const ReportPanel* panel = nullptr;
    PanelCurves curves;
    std::string look;  ///< "p0" … "p3": the panel's colour
};

/// What the sheets of one page have in common, so that their pictures can be compared.
struct Common {
    double end = 1;                     ///< seconds
    std::size_t columns = 600;          ///< to which curves are decimated
    std::vector<std::string> backends;  ///< by name, in order of appearance
};
Common common_of(const std::vector<Sheet>& sheets);

/// The backend's curves in a sheet; null when that run did not watch it.
const BackendCurves* find(const Sheet& sheet, const std::string& backend);

// Pieces of the page; everything is escaped.

std::string charts_of_one(const Sheet& sheet, const Common& common);
std::string charts_of_many(const std::vector<Sheet>& sheets, const Common& common);

std::string state_pill(RunState state);
std::string tiles(const Sheet& sheet);
std::string duel(const std::vector<Sheet>& sheets);
std::string comparison(const std::vector<Sheet>& sheets, const Common& common);
/// Outcomes, channels, backends, holds, events, malformed rows.
std::string tables(const Sheet& sheet);

}  // namespace tidegate::report
