// Results made by hand, so that what is told of them can be checked to the letter.
#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "sim/drawing.hpp"
#include "sim/telling.hpp"

using namespace tidegate;
using namespace tidegate::sim;

namespace {

/// Ten seconds of one backend: over in the seconds given, sent to evenly until `done`.
SimResult run(double done, std::vector<std::size_t> over, bool finished = true) {
    SimResult result{.completion_s = done, .finished = finished, .seconds_over = static_cast<double>(over.size())};
    result.reasons = {"", "app-api: room 312/s under 1280/s (95 %: 1200/s)",
                      "app-api: p99 412 ms over the SLO of 300 ms"};
    BackendResult backend{.name = "app-api", .seconds_over = result.seconds_over, .worst_p99_s = 0.04};
    CampaignResult campaign{.id = "news", .finished = finished, .completion_s = done, .sent = 100.0, .opens = 8.0};
    for (std::size_t t = 0; t < 10; ++t) {
        const bool is_over = std::find(over.begin(), over.end(), t) != over.end();
        backend.series.push_back({.load = 500.0 + static_cast<double>(t),
                                  .p99_s = is_over ? 2.0 : 0.04,
                                  .twin_p99_s = 0.03,
                                  .twin_load = 480.0,
                                  .capacity = 1600.0,
                                  .over = is_over});
        if (is_over) backend.worst_p99_s = 2.0;
        const bool sending = static_cast<double>(t) < done && !is_over;
        campaign.series.push_back(
            {.rate = sending ? 20.0 : 0.0, .sent = sending ? 20.0 : 0.0, .reason = sending ? 1U : 2U});
    }
    result.backends = {backend};
    result.campaigns = {campaign};
    return result;
}

Comparison comparison() {
    Comparison made;
    made.scenario.name = "<made & up>";
    made.scenario.about = "by hand";
    made.scenario.campaigns[0].recipients = 1234.0;
    made.seeds = {5, 6, 7};
    made.oracle = {run(4, {}), run(4, {}), run(4, {})};
    made.policies.push_back({{PolicyKind::blast}, {run(1, {2, 3}), run(1, {2}), run(1, {2, 3, 4, 5})}});
    made.policies.push_back({{PolicyKind::impact}, {run(5, {3}), run(6, {}), run(9, {}, false)}});
    return made;
}

using Some = std::vector<Comparison>;

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a record holds medians, the worst seed, and how many finished") {
    const std::vector<Record> records = comparison().records();
    REQUIRE(records.size() == 2);
    CHECK(records[0].median_completion == 0.25);
    CHECK(records[0].median_over == 2.0);
    CHECK(records[0].worst_over == 4.0);
    CHECK(records[0].finished == 3);
    CHECK(records[1].median_completion == 1.5);
    CHECK(records[1].finished == 2);
    CHECK(std::isinf(records[1].completion[2]));
}

TEST_CASE("a cell of the table says completion, seconds over, and who did not finish") {
    const std::vector<Record> records = comparison().records();
    CHECK(cell_of(records[0]) == "0.250 · 2(4)");
    CHECK(cell_of(records[1]) == "1.500 · 0(1) 2/3");
    CHECK(multiple(1.0669) == "1.067");
    CHECK(multiple(0.9996) == "1.000");
    CHECK(multiple(1345.5519) == "1,345.552");
    CHECK(multiple(std::numeric_limits<double>::infinity()) == "∞");
}

TEST_CASE("one scenario is told policy by policy, several in a table") {
    const std::string one = to_text(Some{comparison()});
    CHECK(has(one, "1,234 recipients, seeds 5-7; the oracle takes 4 s"));
    CHECK(has(one, "0.250 x"));
    CHECK(has(one, "2 of 3"));
    const std::string two = to_text(Some{comparison(), comparison()});
    CHECK(has(two, "0.250 · 2(4)"));
    CHECK(has(two, "1.500 · 0(1) 2/3"));
    CHECK(to_text(Some{}).empty());
}

TEST_CASE("JSON says null for what did not happen and is stable") {
    const auto json = nlohmann::json::parse(to_json(Some{comparison()}));
    CHECK(json["schema"] == 1);
    const auto& impact = json["scenarios"][0]["policies"][1];
    CHECK(impact["policy"] == "impact");
    CHECK(impact["finished"] == 2);
    CHECK(impact["runs"][2]["completion"].is_null());
    CHECK(impact["runs"][2]["completion_s"].is_null());
    CHECK(impact["runs"][0]["completion"] == 1.25);
    CHECK(impact["runs"][0]["backends"][0]["worst_p99_ms"] == 2000.0);
    CHECK(json["scenarios"][0]["policies"][0]["worst_seconds_over"] == 4.0);
}

TEST_CASE("a picture ends a little after the last thing that matters, not with the last open") {
    const Drawing drawing = drawing_of(comparison());
    CHECK(drawing.end == 6.0);  // impact has sent after 5 s
    REQUIRE(drawing.backends.size() == 1);
    CHECK(drawing.backends[0].p99.curves.size() == 2);
    CHECK(drawing.sent[1].back().v == doctest::Approx(80.0));
}

TEST_CASE("what is the same for every policy is drawn once") {
    const Drawing drawing = drawing_of(comparison());
    CHECK(drawing.backends[0].p99_without.shared);
    CHECK(drawing.backends[0].p99_without.curves.size() == 1);
    Comparison apart = comparison();
    apart.policies[1].runs[0].backends[0].series[4].twin_p99_s = 1.0;
    const Drawing other = drawing_of(apart);
    CHECK_FALSE(other.backends[0].p99_without.shared);
    CHECK(other.backends[0].p99_without.curves.size() == 2);
}

TEST_CASE("verdicts are stretches of one kind, whatever their numbers are") {
    const std::vector<Verdict> verdicts = verdicts_of(comparison().policies[1].runs[0], 0, 0.0);
    REQUIRE(verdicts.size() == 3);
    CHECK(verdicts[0].kind == "sending, app-api sets the rate");
    CHECK(verdicts[0].to == 3.0);
    CHECK(verdicts[1].held);
    CHECK(verdicts[1].kind == "held: app-api: p99 … ms over the SLO of … ms");
    CHECK(verdicts[1].reason == "app-api: p99 412 ms over the SLO of 300 ms");
    CHECK(verdicts[2].from == 4.0);
    const auto tracks = tracks_of(verdicts);
    REQUIRE(tracks.size() == 2);
    CHECK(tracks[0].bands.size() == 2);
    CHECK(tracks[0].label == "sending, app-api sets the rate, 4 s");
}

TEST_CASE("tracks beyond the most share the last one") {
    std::vector<Verdict> many;
    for (int i = 0; i < 12; ++i)
        many.push_back({i * 1.0, i + 1.0, true, "held: " + std::string(1, static_cast<char>('a' + i)), "x"});
    const auto tracks = tracks_of(many, 4);
    REQUIRE(tracks.size() == 4);
    std::size_t bands = 0;
    for (const auto& track : tracks) bands += track.bands.size();
    CHECK(bands == 12);
    CHECK(has(tracks.back().label, "other reasons"));
}

TEST_CASE("the page and the picture stand alone and escape what a file says") {
    for (const std::string& text :
         {to_html(Some{comparison()}), to_html(Some{comparison(), comparison()}), to_svg(comparison())}) {
        CHECK(has(text, "&lt;made &amp; up&gt;"));
        CHECK_FALSE(has(text, "<made"));
        CHECK_FALSE(has(text, "src="));
        CHECK_FALSE(has(text, "@import"));
        CHECK_FALSE(has(text, "nan"));
    }
    CHECK(has(to_html(Some{comparison()}), "seed 5 is drawn"));
    CHECK(has(to_svg(comparison()), "impact: 1 s over the SLO, everybody sent to after 5 s"));
    CHECK(has(to_html(Some{}), "Nothing to show"));
}
