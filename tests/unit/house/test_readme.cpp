// What people copy out of the pages must work, and must be the same in both languages.
#include <doctest/doctest.h>

#include <algorithm>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "support/places.hpp"
#include "support/temp_dir.hpp"
#include "tidegate/delivery/config.hpp"

using namespace tidegate;

namespace {

struct Block {
    std::string language;
    std::string text;
};

struct Page {
    std::vector<std::size_t> headings;  ///< level of each
    std::vector<Block> blocks;
    std::size_t lines = 0;
    std::string prose;
};

Page read_page(const std::string& name) {
    Page page;
    std::istringstream in(test::read_file(tidegate::test::source_dir() + "/" + name));
    bool inside = false;
    for (std::string line; std::getline(in, line); ++page.lines) {
        if (line.starts_with("```")) {
            if (!inside) page.blocks.push_back({line.substr(3), {}});
            inside = !inside;
        } else if (inside) {
            page.blocks.back().text += line + '\n';
        } else {
            if (line.starts_with("#")) page.headings.push_back(line.find_first_not_of('#'));
            page.prose += line + '\n';
        }
    }
    return page;
}

/// Without comments, blanks and what the message says: the rest must agree.
std::string bones(const Block& block) {
    std::string out;
    std::istringstream in(block.text);
    for (std::string line; std::getline(in, line);) {
        line = std::regex_replace(line, std::regex(block.language == "cpp" ? "\\s*//.*" : "(^|\\s+)#.*"), "");
        if (line.starts_with("body ")) line = "body";
        line.erase(std::remove(line.begin(), line.end(), ' '), line.end());
        if (!line.empty()) out += line + '\n';
    }
    return out;
}

const std::vector<std::pair<std::string, std::string>> pairs{
    {"README.md", "README.ko.md"},
    {"lib/control/OPERATING.md", "lib/control/OPERATING.ko.md"},
    {"lib/delivery/SIZING.md", "lib/delivery/SIZING.ko.md"},
    {"lib/pacing/LAW.md", "lib/pacing/LAW.ko.md"},
    {"examples/incidents/README.md", "examples/incidents/README.ko.md"},
};

}  // namespace

TEST_CASE("the campaign in each README loads without a fault or a warning") {
    for (const std::string name : {"README.md", "README.ko.md"}) {
        CAPTURE(name);
        std::size_t campaigns = 0;
        for (const Block& block : read_page(name).blocks) {
            if (block.language != "toml") continue;
            ++campaigns;
            const test::TempDir dir;
            const auto loaded = load_campaign(dir.write("campaign.toml", block.text));
            if (!loaded) {
                for (const Error& fault : loaded.error()) MESSAGE(fault.text());
            }
            REQUIRE(loaded);
            CHECK(loaded->warnings == std::vector<std::string>{});
        }
        CHECK(campaigns == 1);
    }
}

TEST_CASE("both languages of a page have the same headings and the same code") {
    for (const auto& [english, korean] : pairs) {
        CAPTURE(english);
        const Page one = read_page(english), other = read_page(korean);
        REQUIRE_FALSE(one.headings.empty());
        CHECK(one.headings == other.headings);
        REQUIRE(one.blocks.size() == other.blocks.size());
        for (std::size_t i = 0; i < one.blocks.size(); ++i) {
            CHECK(one.blocks[i].language == other.blocks[i].language);
            if (!one.blocks[i].language.empty()) CHECK(bones(one.blocks[i]) == bones(other.blocks[i]));
        }
    }
}

TEST_CASE("what a page links to in the tree is there") {
    const std::regex link(R"(\]\(([^)#:]+)(#[^)]*)?\))");
    for (const auto& [english, korean] : pairs) {
        for (const std::string& name : {english, korean}) {
            const std::string prose = read_page(name).prose;
            const auto folder = std::filesystem::path(tidegate::test::source_dir() + "/" + name).parent_path();
            std::size_t links = 0;
            for (std::sregex_iterator at(prose.begin(), prose.end(), link), end; at != end; ++at, ++links) {
                const std::string target = (*at)[1];
                CHECK_MESSAGE(std::filesystem::exists(folder / target), name << " -> " << target);
            }
            CHECK(links > 0);
        }
    }
}

TEST_CASE("the README stays short enough to be read in three minutes") {
    for (const std::string name : {"README.md", "README.ko.md"}) CHECK(read_page(name).lines <= 210);
}
