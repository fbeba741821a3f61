#include "report/gates.hpp"

namespace tidegate::report {

std::vector<GateRow> gates_of(const RunReport& report) {
    std::vector<GateRow> rows;
    for (const CohortRecord& cohort : report.cohorts) {
        if (!cohort.canary) continue;
        const std::string prefix = cohort.label + ": ";
        std::optional<GateRow> newest;
        for (const EventRecord& event : report.events) {
            if (event.kind != "gate" || !event.detail.starts_with(prefix)) continue;
            const std::size_t comma = event.detail.find(", ", prefix.size());
            if (comma == std::string::npos) continue;
            newest = GateRow{cohort.label, event.detail.substr(prefix.size(), comma - prefix.size()),
                             event.detail.substr(comma + 2), event.at};
        }
        if (newest) rows.push_back(std::move(*newest));
    }
    return rows;
}

}  // namespace tidegate::report
