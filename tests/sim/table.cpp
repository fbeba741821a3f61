// Prints the table of the pacing notes: completion as a multiple of the oracle's, median seconds over (worst).
//
//   table SCENARIO[,SCENARIO...] --policy P[,P...] --seeds 1-5 [--each] [--dir examples/incidents]
//
// A scenario is a file, a name in the folder or one of its folders, or such a folder: "table", "attacks", "." (the
// incidents). Nothing named: "table".

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "support/places.hpp"
#include "tidegate/sim/simulate.hpp"

using namespace tidegate;
using namespace tidegate::sim;

namespace {

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::stringstream stream(text);
    for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
    return parts;
}

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& folder, const std::string& name) {
    if (fs::is_regular_file(name)) return {name};
    for (const char* inner : {".", "table", "attacks"})
        if (const fs::path file = folder / inner / (name + ".toml"); fs::is_regular_file(file)) return {file};
    std::vector<fs::path> files;
    if (!fs::is_directory(folder / name)) return files;
    for (const auto& entry : fs::directory_iterator(folder / name))
        if (entry.path().extension() == ".toml") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> wanted;
    std::vector<Policy> policies = {{PolicyKind::impact}};
    std::vector<std::uint64_t> seeds = {1, 2, 3, 4, 5};
    bool each = false;
    std::string folder = test::source_dir() + "/examples/incidents";
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--policy" && i + 1 < argc) {
            policies.clear();
            for (const std::string& name : split(argv[++i])) {
                const auto kind = policy_named(name);
                if (!kind) return std::fprintf(stderr, "no policy %s\n", name.c_str()), 2;
                policies.push_back({*kind});
            }
        } else if (word == "--seeds" && i + 1 < argc) {
            unsigned long long first = 1, last = 5;
            const int n = std::sscanf(argv[++i], "%llu-%llu", &first, &last);
            if (n < 2) last = first;
            seeds.clear();
            for (auto s = first; s <= last; ++s) seeds.push_back(s);
        } else if (word == "--dir" && i + 1 < argc) {
            folder = argv[++i];
        } else if (word == "--each") {
            each = true;
        } else {
            for (const std::string& name : split(word)) wanted.push_back(name);
        }
    }
    std::printf("%-16s %8s", "scenario", "oracle s");
    for (const Policy& policy : policies) std::printf(" %20s", std::string(name_of(policy.kind)).c_str());
    std::printf("\n");
    if (wanted.empty()) wanted = {"table"};
    std::vector<fs::path> files;
    for (const std::string& name : wanted) {
        const auto found = files_of(folder, name == "all" ? "table" : name);
        if (found.empty()) return std::fprintf(stderr, "no scenario %s\n", name.c_str()), 2;
        files.insert(files.end(), found.begin(), found.end());
    }
    for (const fs::path& file : files) {
        const auto read = read_scenario(file.string());
        if (!read) {
            for (const Error& fault : read.error()) std::fprintf(stderr, "%s\n", fault.text().c_str());
            return 2;
        }
        const Scenario& scenario = *read;
        const std::string& name = scenario.name;
        const auto began = std::chrono::steady_clock::now();
        std::vector<Policy> with_oracle = {{PolicyKind::oracle}};
        with_oracle.insert(with_oracle.end(), policies.begin(), policies.end());
        const std::vector<Record> records = compare(scenario, with_oracle, seeds);
        std::printf("%-16s %5.0f(%.0f)", name.c_str(), records[0].median_completion_s, records[0].median_over);
        for (std::size_t p = 1; p < records.size(); ++p) {
            char cell[64];
            std::snprintf(cell, sizeof cell, "%.3f x %.0f(%.0f)", records[p].median_completion, records[p].median_over,
                          records[p].worst_over);
            std::printf(" %20s", cell);
        }
        std::printf("  %5.1fs\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
        if (each)
            for (std::size_t p = 1; p < records.size(); ++p)
                for (std::size_t i = 0; i < seeds.size(); ++i)
                    std::printf("    %s seed %llu: %.1f s, %.3f, over %.0f\n",
                                std::string(name_of(records[p].policy.kind)).c_str(),
                                static_cast<unsigned long long>(seeds[i]), records[p].completion_s[i],
                                records[p].completion[i], records[p].seconds_over[i]);
        std::fflush(stdout);
    }
    return 0;
}
