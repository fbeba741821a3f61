// Rules of the source tree: who may include whom, and where third-party libraries may stand.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/places.hpp"

namespace fs = std::filesystem;

namespace {

const std::map<std::string, int> kFloors{
    {"base", 0},   {"net", 1},      {"audience", 1}, {"message", 1}, {"cohort", 2},
    {"signal", 2}, {"quota", 2},    {"channel", 2},  {"ledger", 2},  {"pacing", 3},
    {"report", 3}, {"delivery", 4}, {"sim", 5},      {"control", 5}, {"testing", 5},
};

/// Includes on the same floor that are allowed, one header each.
const std::set<std::pair<std::string, std::string>> kNeighbours{
    {"audience", "net/crypto.hpp"},                // fingerprints need a hash
    {"ledger", "tidegate/cohort/plan.hpp"},        // ingest places each recipient in its one pass
    {"sim", "tidegate/testing/manual_clock.hpp"},  // the exact grain moves time by hand
};

struct Include {
    std::string file;  ///< relative to the source directory
    int line = 0;
    std::string module;  ///< of the including file
    bool is_public = false;
    std::string target;  ///< as written between the quotes or angle brackets
    bool quoted = false;
};

const fs::path kRoot = tidegate::test::source_dir();

std::vector<fs::path> sources_under(const fs::path& folder) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const auto extension = entry.path().extension();
        if (entry.is_regular_file() && (extension == ".hpp" || extension == ".cpp")) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<Include> includes_under(const fs::path& folder, bool is_public) {
    static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
    std::vector<Include> found;
    for (const auto& path : sources_under(folder)) {
        std::ifstream in(path);
        std::string text;
        for (int line = 1; std::getline(in, text); ++line) {
            std::smatch match;
            if (!std::regex_match(text, match, pattern)) continue;
            found.push_back({fs::relative(path, kRoot).generic_string(), line,
                             fs::relative(path, folder).begin()->string(), is_public, match[2], match[1] == "\""});
        }
    }
    return found;
}

const std::vector<Include>& all_includes() {
    static const auto found = [] {
        auto all = includes_under(kRoot / "include" / "tidegate", true);
        const auto in_lib = includes_under(kRoot / "lib", false);
        all.insert(all.end(), in_lib.begin(), in_lib.end());
        return all;
    }();
    return found;
}

/// The module a quoted include names: "tidegate/base/result.hpp" and "base/x.hpp" are both base.
std::string module_of(std::string target) {
    if (target.starts_with("tidegate/")) target.erase(0, 9);
    return target.substr(0, target.find('/'));
}

std::string place(const Include& include) {
    return include.file + ":" + std::to_string(include.line) + " includes " + include.target;
}

/// Which third-party library an include in angle brackets belongs to; empty for the standard library and the system.
std::string third_party(const std::string& target) {
    static const std::vector<std::pair<std::string, std::string>> known{
        {"curl/", "curl"},       {"openssl/", "openssl"}, {"hiredis/", "hiredis"},   {"httplib.h", "httplib"},
        {"spdlog/", "spdlog"},   {"fmt/", "fmt"},         {"sqlite3.h", "sqlite"},   {"SQLiteCpp/", "sqlite"},
        {"toml++/", "toml++"},   {"toml.hpp", "toml++"},  {"nlohmann/", "nlohmann"}, {"CLI/", "cli11"},
        {"xxhash.h", "xxhash"},  {"xxh3.h", "xxhash"},    {"date/", "date"},         {"doctest/", "doctest"},
        {"benchmark/", "bench"}, {"nghttp2/", "nghttp2"},
    };
    for (const auto& [prefix, library] : known) {
        if (target.starts_with(prefix)) return library;
    }
    return {};
}

/// Standard C++ headers have neither a dot nor a slash; what is left belongs to the platform or to somebody else.
bool standard_cpp(const std::string& target) {
    return target.find_first_of("./") == std::string::npos;
}

}  // namespace

TEST_CASE("the tree is where the test thinks it is") {
    CHECK(all_includes().size() > 100);
}

TEST_CASE("every module stands on a floor") {
    std::set<std::string> unknown;
    for (const auto& folder : {kRoot / "include" / "tidegate", kRoot / "lib"}) {
        for (const auto& entry : fs::directory_iterator(folder)) {
            const auto name = entry.path().filename().string();
            if (entry.is_directory() && !kFloors.contains(name)) unknown.insert(name);
        }
    }
    CHECK(unknown == std::set<std::string>{});
}

TEST_CASE("a module includes only itself and modules on lower floors") {
    for (const auto& include : all_includes()) {
        if (!include.quoted) continue;
        CAPTURE(place(include));
        const auto target = module_of(include.target);
        const auto floor = kFloors.find(target);
        REQUIRE(floor != kFloors.end());
        if (target == include.module) continue;
        if (kNeighbours.contains({include.module, include.target})) continue;
        CHECK(floor->second < kFloors.at(include.module));
    }
}

TEST_CASE("net is private: no public header includes it") {
    CHECK_FALSE(fs::exists(kRoot / "include" / "tidegate" / "net"));
    for (const auto& include : all_includes()) {
        if (!include.is_public) continue;
        CAPTURE(place(include));
        CHECK(module_of(include.target) != "net");
    }
}

TEST_CASE("public headers name only the standard library and tidegate, and each includes by its full name") {
    for (const auto& include : all_includes()) {
        if (!include.is_public) continue;
        CAPTURE(place(include));
        if (include.quoted) {
            CHECK(include.target.starts_with("tidegate/"));
            CHECK(fs::exists(kRoot / "include" / include.target));
        } else {
            CHECK(standard_cpp(include.target));
        }
    }
}

TEST_CASE("public headers are one concept each: at most 150 lines, guarded once") {
    for (const auto& path : sources_under(kRoot / "include" / "tidegate")) {
        CAPTURE(path.string());
        std::ifstream in(path);
        std::string text;
        int lines = 0;
        bool guarded = false;
        while (std::getline(in, text)) {
            ++lines;
            guarded = guarded || text == "#pragma once";
        }
        CHECK(lines <= 150);
        CHECK(guarded);
        CHECK(path.extension() == ".hpp");
    }
}

TEST_CASE("each third-party library lives in one module") {
    std::map<std::string, std::set<std::string>> homes;
    std::map<std::string, std::string> example;
    for (const auto& include : all_includes()) {
        if (include.quoted) continue;
        const auto library = third_party(include.target);
        if (library.empty()) continue;
        homes[library].insert(include.module);
        example[library] += "\n  " + place(include);
    }
    for (const auto& [library, modules] : homes) {
        // Header-only and without state: JSON documents go in and out at many edges, and a hash is three lines.
        if (library == "nlohmann" || library == "xxhash") continue;
        CAPTURE(library);
        CAPTURE(example[library]);
        CHECK(modules.size() == 1);
    }
    for (const auto* forbidden : {"cli11", "doctest", "bench", "nghttp2"}) {
        CAPTURE(forbidden);
        CHECK_FALSE(homes.contains(forbidden));
    }
}

TEST_CASE("a third-party header is in a source file, or in a private header of its module alone") {
    for (const auto& include : all_includes()) {
        if (include.quoted || third_party(include.target).empty()) continue;
        if (!include.file.ends_with(".hpp")) continue;
        CAPTURE(place(include));
        CHECK_FALSE(include.is_public);
        const auto header = include.file.substr(std::string("lib/").size());
        for (const auto& user : all_includes()) {
            if (user.quoted && user.target == header) CHECK(user.module == include.module);
        }
    }
}
