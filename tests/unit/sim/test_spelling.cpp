#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "support/temp_dir.hpp"
#include "tidegate/sim/spelling.hpp"

using namespace tidegate;
using namespace tidegate::sim;

namespace {

using Seeds = std::vector<std::uint64_t>;

std::string refusal_of_seeds(const std::string& text) {
    const auto seeds = parse_seeds(text);
    return seeds ? "" : seeds.error().what;
}

std::string refusal_of_policies(const std::string& text) {
    const auto policies = parse_policies(text);
    return policies ? "" : policies.error().text();
}

}  // namespace

TEST_CASE("seeds are numbers and ranges in the order written") {
    CHECK(*parse_seeds("7") == Seeds{7});
    CHECK(*parse_seeds("1-4") == Seeds{1, 2, 3, 4});
    CHECK(*parse_seeds("1,3,7-9") == Seeds{1, 3, 7, 8, 9});
    CHECK(*parse_seeds("105,101-103") == Seeds{105, 101, 102, 103});
    CHECK(*parse_seeds("0,18446744073709551615") == Seeds{0, 18446744073709551615U});
    CHECK(parse_seeds("1-10000")->size() == max_seeds);
}

TEST_CASE("what is no seed is refused in words") {
    for (const std::string text :
         {"", ",", "1,", "a", "1-", "-1", "1-b", "1.5", " 1", "1 - 2", "1-2-3", "+1", "0x1", "18446744073709551616"}) {
        CAPTURE(text);
        CHECK(refusal_of_seeds(text).ends_with("is neither a seed nor a range of seeds"));
    }
    CHECK(refusal_of_seeds("9-1") == "\"9-1\" runs backwards");
    CHECK(refusal_of_seeds("1-3,2") == "seed 2 is named twice");
    // Neither a long list nor a range over all numbers costs memory before it is refused.
    for (const std::string text : {"0-10000", "1-9000,20000-29000", "0-18446744073709551615"}) {
        CAPTURE(text);
        CHECK(refusal_of_seeds(text) == "more than 10000 seeds");
    }
}

TEST_CASE("seeds are told as short as they can be written, and read back") {
    CHECK(format_seeds({1, 2, 3, 7}) == "1-3,7");
    CHECK(format_seeds({1, 2}) == "1,2");
    CHECK(format_seeds({5}) == "5");
    for (const Seeds& seeds : {Seeds{105, 101, 102, 103}, Seeds{3, 2, 1}, Seeds{0, 18446744073709551615U, 0x10}})
        CHECK(*parse_seeds(format_seeds(seeds)) == seeds);
}

TEST_CASE("policies are named, and static has a rate") {
    const auto policies = parse_policies("blast,static=3200,impact");
    REQUIRE(policies);
    REQUIRE(policies->size() == 3);
    CHECK(policies->at(0) == Policy{PolicyKind::blast});
    CHECK(policies->at(1) == Policy{PolicyKind::fixed, 3200.0});
    CHECK(policies->at(2) == Policy{PolicyKind::impact});
    CHECK(*parse_policies("static") == std::vector<Policy>{{PolicyKind::fixed}});
}

TEST_CASE("an unknown policy is refused with the one that was meant") {
    CHECK(refusal_of_policies("impct") == "--policy: there is no policy \"impct\" (did you mean impact?)");
    CHECK(refusal_of_policies("netflix").find("use blast, static, aimd, gradient, impact or oracle") !=
          std::string::npos);
    CHECK(refusal_of_policies("blast,").find("there is no policy \"\"") != std::string::npos);
    CHECK(refusal_of_policies("aimd,aimd").find("aimd is named twice") != std::string::npos);
    CHECK(refusal_of_policies("impact=5").find("only static takes a rate") != std::string::npos);
    for (const std::string text : {"static=", "static=0", "static=-1", "static=fast", "static=nan", "static=inf",
                                   "static=1e300", "static=10x"}) {
        CAPTURE(text);
        CHECK(refusal_of_policies(text).find("has no rate of messages a second") != std::string::npos);
    }
    // What a terminal would obey is not echoed.
    CHECK(refusal_of_policies("\033[2J").find('\033') == std::string::npos);
}

TEST_CASE("every policy keeps what was said of one") {
    const auto all = every_policy({{PolicyKind::fixed, 3200.0}});
    CHECK(all.size() == 6);
    std::set<std::string> names;
    for (const Policy& policy : all) {
        names.insert(std::string(name_of(policy.kind)));
        if (policy.kind == PolicyKind::fixed) CHECK(policy.fixed_rate == 3200.0);
    }
    CHECK(names.size() == 6);
    CHECK(every_policy().front().kind == PolicyKind::blast);
}

TEST_CASE("a scenario's name is built in, a file or a folder of them") {
    const auto nominal = scenarios_named("nominal");
    REQUIRE(nominal);
    REQUIRE(nominal->size() == 1);
    CHECK(nominal->front().name == "nominal");
    CHECK(nominal->front().campaigns == Scenario{}.campaigns);

    const test::TempDir dir;
    dir.write("b.toml", "about = \"second\"\n");
    dir.write("a.toml", "about = \"first\"\n");
    dir.write("notes.txt", "not a scenario");
    const auto folder = scenarios_named(dir.file("."));
    REQUIRE(folder);
    REQUIRE(folder->size() == 2);
    CHECK(folder->at(0).about == "first");
    CHECK(folder->at(1).name == "b");
    CHECK(scenarios_named(dir.file("b.toml"))->front().about == "second");
}

TEST_CASE("faults of all files of a folder are told with their lines, and what is not there is said to be missing") {
    const test::TempDir dir;
    dir.write("a.toml", "abot = \"x\"\n");
    dir.write("b.toml", "history = \"1h\"\ngive_upp = \"1h\"\n");
    const auto faulty = scenarios_named(dir.file("."));
    REQUIRE_FALSE(faulty);
    REQUIRE(faulty.error().size() == 2);
    CHECK(faulty.error()[0].where.ends_with("a.toml:1"));
    CHECK(faulty.error()[1].where.ends_with("b.toml:2"));

    const auto absent = scenarios_named(dir.file("absent.toml"));
    REQUIRE_FALSE(absent);
    CHECK(absent.error().front().what.find("there is no scenario") == 0);
    std::filesystem::create_directory(dir.file("empty"));
    CHECK(scenarios_named(dir.file("empty")).error().front().what.find("no scenario file") == 0);
}
