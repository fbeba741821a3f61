#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/twin.hpp"

// A practice bank whose customers do come, and the question what a campaign did to it.
namespace tidegate::test {

/// The twin's arguments: requests/s it can do, and those it has without any campaign.
inline std::vector<std::string> bank_of(const std::string& capacity, const std::string& baseline) {
    return {"--capacity", capacity, "--baseline", baseline, "--open-rate", "0.2", "--median", "2s",
            "--spread",   "0.8",    "--per-open", "3",      "--seed",      "7",   "--slo",    "300ms"};
}

/// The [[backend]] table and [impact] for it; `limits` are lines of the table.
inline std::string watched_bank(const Twin& twin, const std::string& limits) {
    return "[[backend]]\nname = \"app-api\"\nlatency_slo = \"300ms\"\nmax_age = \"5s\"\n" + limits +
           "[backend.signal]\nkind = \"json\"\nurl = \"" + twin.url("ops", "/json") +
           "\"\nevery = \"1s\"\np99 = \"/p99\"\nload = \"/load\"\nerrors = \"/errors\"\nat = \"/at\"\nunit = "
           "\"ms\"\n[response]\nopen_rate = 0.2\nmedian = \"2s\"\nspread = 0.8\n"
           "[impact]\napp-api = { per_open = 3 }\n";
}

inline nlohmann::json summary_of(const Twin& twin) {
    return nlohmann::json::parse(http(twin.port("ops"), "GET", "/summary").body);
}

/// Seconds over the objective in which another bank without the campaign, give or take a second, was not.
inline int caused_by_campaign(const nlohmann::json& with, const nlohmann::json& without) {
    constexpr double slo_ms = 300;
    const auto over = [](const nlohmann::json& second) {
        return second["failed"].get<double>() > 0.01 * second["load"].get<double>() ||
               (second["p99_ms"].is_number() && second["p99_ms"].get<double>() > slo_ms);
    };
    int caused = 0;
    const auto& other = without["series"];
    for (std::size_t t = 0; t < with["series"].size(); ++t) {
        if (!over(with["series"][t])) continue;
        bool anyway = false;
        for (std::size_t s = t == 0 ? 0 : t - 1; s <= t + 1 && s < other.size(); ++s) anyway = anyway || over(other[s]);
        if (!anyway) ++caused;
    }
    return caused;
}

}  // namespace tidegate::test
