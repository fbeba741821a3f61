// What is watched before anything is sent, on the practice bank: kept, told, and used by the campaign that follows.

#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>

#include "support/campaign_text.hpp"
#include "support/live_backend.hpp"
#include "support/twin.hpp"
#include "support/vector_audience.hpp"
#include "tidegate/delivery/gate.hpp"
#include "tidegate/delivery/observer.hpp"
#include "tidegate/testing/scripted_channel.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::vector<std::string> histories(const std::string& directory) {
    std::vector<std::string> found;
    std::error_code absent;
    for (const auto& entry : std::filesystem::directory_iterator(directory, absent))
        if (entry.path().extension() == ".history") found.push_back(entry.path().string());
    return found;
}

/// The practice bank, a campaign over it, and the site of that campaign in a file of its own.
struct Watch {
    TempDir dir;
    Twin twin{dir};
    CampaignText text = CampaignText::over_webhook(twin).watched(twin);
    std::string site;

    Watch() {
        dir.write("people.csv", webhook_audience(20));
        const std::string tables = text.backend.substr(0, text.backend.find("[impact]"));
        site = dir.write("site.toml", text.channel + tables);
    }
};

}  // namespace

TEST_CASE("what `observe` saw of the bank is what the first campaign begins with") {
    Watch watch;
    const CliResult before = cli(watch.dir, {"check", watch.text.write(watch.dir)});
    CHECK(before.code == 0);
    CHECK_MESSAGE(has(before.out, "history      app-api: none: the first campaign explores carefully"), before.out);

    const CliResult observed = cli(watch.dir, {"observe", watch.site, "--for", "5s", "--json", "--progress", "lines"});
    INFO(observed.err);
    REQUIRE(observed.code == 0);
    const auto& history = observed.json["backends"][0]["history"];
    CHECK(history["samples"].get<int>() >= 4);
    CHECK(history["watched_s"].get<double>() > 2);
    CHECK(history["most_load"].get<double>() > 5);
    CHECK(has(observed.err, "app-api: "));
    CHECK(has(observed.err, "requests/s, p99 "));
    REQUIRE(histories(watch.dir.file("history")).size() == 1);
    CHECK(mode_of(watch.dir.file("history")) == 0700);
    CHECK(mode_of(histories(watch.dir.file("history")).front()) == 0600);

    const CliResult checked = cli(watch.dir, {"check", watch.text.write(watch.dir), "--json"});
    CHECK(checked.json["history"][0]["history"]["samples"] == history["samples"]);
    const CliResult planned = cli(watch.dir, {"plan", watch.text.write(watch.dir)});
    CHECK_MESSAGE(has(planned.out, "history       app-api: " + history["text"].get<std::string>()), planned.out);

    const CliResult ran = cli(watch.dir, {"run", watch.text.write(watch.dir), "--progress", "lines"});
    CHECK(ran.code == 0);
    CHECK_MESSAGE(has(ran.err, "history of app-api: " + history["text"].get<std::string>()), ran.err);
    const CliResult report = cli(watch.dir, {"report", watch.text.write(watch.dir)});
    // Longer details are cut at the table's edge.
    CHECK_MESSAGE(has(report.out, ("app-api: " + history["text"].get<std::string>()).substr(0, 30)), report.out);
    CHECK(watch.twin.arrivals().size() == 20);
}

TEST_CASE("`observe` goes on until it is stopped, keeps what it saw, and ends with 3") {
    Watch watch;
    Cli observer(watch.dir, {"observe", watch.site, "--progress", "lines"});
    REQUIRE(eventually(20s, [&] { return has(observer.err(), "requests/s, p99 "); }));
    observer.process().signal(SIGTERM);
    CHECK(observer.wait(10s) == 3);
    CHECK_MESSAGE(has(observer.out(), "history of app-api: "), observer.out());
    CHECK(histories(watch.dir.file("history")).size() == 1);
}

TEST_CASE("`observe` runs beside a gate that holds the backend") {
    Watch watch;
    Cli observer(watch.dir, {"observe", watch.text.write(watch.dir), "--progress", "lines"});
    REQUIRE(eventually(20s, [&] { return has(observer.err(), "requests/s, p99 "); }));
    CHECK(cli(watch.dir, {"run", watch.text.write(watch.dir), "--progress", "none"}).code == 0);
    observer.process().signal(SIGINT);
    CHECK(observer.wait(10s) == 3);
    CHECK(histories(watch.dir.file("history")).size() == 1);
}

TEST_CASE("a site that watching cannot teach anything about is refused in words") {
    const TempDir dir;
    const std::string pushed =
        dir.write("site.toml", "[[backend]]\nname = \"app\"\n[backend.signal]\nkind = \"push\"\n");
    const CliResult refused = cli(dir, {"observe", pushed, "--for", "1s"});
    CHECK(refused.code == 2);
    CHECK_MESSAGE(has(refused.err, "pushed, so there is nothing to look at"), refused.err);
    const std::string deaf = dir.write("deaf.toml",
                                       "[[backend]]\nname = \"app\"\n[backend.signal]\nkind = \"json\"\n"
                                       "url = \"http://127.0.0.1:1/json\"\np99 = \"/p99\"\n");
    CHECK(has(cli(dir, {"observe", deaf, "--for", "1s"}).err, "tells no load"));
    CHECK(has(cli(dir, {"observe", dir.write("empty.toml", ""), "--for", "1s"}).err, "no [[backend]]"));
    CHECK(cli(dir, {"observe", deaf, "--for", "soon"}).code == 2);
    CHECK_FALSE(std::filesystem::exists(dir.file("history")));
}

TEST_CASE("telemetry that never answers is the environment's failure") {
    const TempDir dir;
    const std::string site = dir.write("site.toml",
                                       "[[backend]]\nname = \"app\"\n[backend.signal]\nkind = \"json\"\n"
                                       "url = \"http://127.0.0.1:1/json\"\np99 = \"/p99\"\nload = \"/load\"\n");
    const CliResult silent = cli(dir, {"observe", site, "--for", "1s", "--progress", "none"});
    CHECK(silent.code == 5);
    CHECK_MESSAGE(has(silent.err, "no backend told anything"), silent.err);
}

TEST_CASE("a gate keeps what it sees while nothing is sent, and the next one begins with it") {
    const TempDir dir;
    LiveBackend backend;
    Site site;
    site.backends.push_back({{}, PushSignal{100ms}});
    site.backends.front().limits.name = "app";
    GateOptions options;
    options.lock_dir = dir.path();
    options.history_dir = dir.file("history");
    options.sensors["app"] = backend.sensor();
    const auto remembered = [&](std::chrono::milliseconds watch) {
        auto gate = Gate::open(site, system_clock(), options);
        REQUIRE(gate);
        std::this_thread::sleep_for(watch);
        return (*gate)->backends().front().remembered;
    };
    CHECK(remembered(1500ms) == 0);
    CHECK(remembered(0ms) >= 5);
    options.history_dir.clear();
    CHECK(remembered(0ms) == 0);

    // A program that watches while it sends nothing keeps the same history.
    ObserverOptions watching;
    watching.history_dir = dir.file("history");
    watching.sensors["app"] = backend.sensor();
    auto observer = Observer::open(site, system_clock(), watching);
    REQUIRE(observer);
    CHECK((*observer)->backends().front().history.samples >= 5);
}
