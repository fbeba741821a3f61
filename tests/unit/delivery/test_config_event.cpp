// The [event] table of a campaign file.

#include <doctest/doctest.h>

#include <algorithm>

#include "support/temp_dir.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/delivery/config.hpp"

using namespace tidegate;
using namespace std::chrono_literals;
using test::TempDir;

namespace {

const std::string kGood = R"([[backend]]
name = "app-api"
[backend.signal]
kind = "push"
[[channel]]
kind = "webhook"
url = "http://127.0.0.1:1/push"
[campaign]
id = "sale"
purpose = "informational"
[audience]
file = "people.csv"
[audience.address]
webhook = "token"
[message]
body = "hello"
[impact]
app-api = { per_open = 2 }
)";

std::vector<std::string> faults_of(const TempDir& dir, const std::string& more) {
    const auto loaded = load_campaign(dir.write("campaign.toml", kGood + more));
    std::vector<std::string> lines;
    if (!loaded)
        for (const Error& fault : loaded.error()) lines.push_back(fault.text());
    return lines;
}

bool any_has(const std::vector<std::string>& lines, const std::string& part) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("an event is read as it stands, and what it leaves out keeps its default") {
    TempDir dir;
    auto loaded = load_campaign(dir.write("campaign.toml", kGood + R"([event]
at = 2026-11-23T11:00:00+09:00
response = "50%"
median = "4s"
spread = 0.7
again_share = 0.25
again = "90s"
stock = 10000
)"));
    REQUIRE(loaded);
    REQUIRE(loaded->campaign.event);
    const EventOptions& event = *loaded->campaign.event;
    CHECK(event.at == *parse_wall_time("2026-11-23T02:00:00Z"));
    CHECK(event.rush == RushOptions{.response = 0.5, .median = 4s, .spread = 0.7, .again_share = 0.25, .again = 90s});
    CHECK(event.stock == 10000u);
    loaded = load_campaign(dir.write("campaign.toml", kGood + "[event]\nat = 2026-11-23T11:00:00+09:00\n"));
    REQUIRE(loaded);
    CHECK(loaded->campaign.event->rush == RushOptions{});
    CHECK_FALSE(loaded->campaign.event->stock);
    CHECK_FALSE(load_campaign(dir.write("campaign.toml", kGood))->campaign.event);
}

TEST_CASE("everything wrong with an event is told at once, with its line and the key that was meant") {
    TempDir dir;
    const auto lines = faults_of(dir, "[event]\nresponce = 0.5\nmedian = \"0s\"\nspread = 9\nstock = 0\n");
    CHECK(any_has(lines, "did you mean \"response\"?"));
    CHECK(any_has(lines, "event.median: the median lag is not between 100 ms and one day"));
    CHECK(any_has(lines, "event.spread: the spread is not above 0 and at most 4"));
    CHECK(any_has(lines, "campaign.toml:23: event.stock"));
    CHECK(any_has(lines, "the event has no instant"));
    CHECK(lines.size() == 5);
    CHECK(any_has(faults_of(dir, "[events]\nat = 2026-11-23T11:00:00+09:00\n"), "did you mean \"event\"?"));
}

TEST_CASE("an event before the campaign's start is refused") {
    TempDir dir;
    std::string text = kGood;
    text.insert(text.find("purpose"), "starts = 2026-11-23T12:00:00+09:00\n");
    const auto loaded = load_campaign(dir.write("campaign.toml", text + "[event]\nat = 2026-11-23T11:00:00+09:00\n"));
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().front().text().find("not after the campaign's start") != std::string::npos);
}

TEST_CASE("a campaign whose people all come within seconds is asked whether they wait for an instant") {
    TempDir dir;
    const auto warned = [&](const std::string& more) {
        const auto loaded = load_campaign(dir.write("campaign.toml", kGood + more));
        REQUIRE(loaded);
        return any_has(loaded->warnings, "first-come offer");
    };
    const std::string quick = "[response]\nopen_rate = 0.5\nmedian = \"5s\"\n";
    CHECK(warned(quick));
    CHECK_FALSE(warned(quick + "[event]\nat = 2026-11-23T11:00:00+09:00\n"));
    CHECK_FALSE(warned("[response]\nopen_rate = 0.2\nmedian = \"5s\"\n"));
    CHECK_FALSE(warned("[response]\nopen_rate = 0.5\nmedian = \"45s\"\n"));
}
