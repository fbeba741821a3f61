#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "signal/history.hpp"
#include "tidegate/base/rng.hpp"

using namespace tidegate;
using namespace tidegate::signal;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kNoon{std::chrono::hours(500'000)};
const std::string kIdentity = "0123456789abcdef";

PastSample sample_at(WallTime at, double load, double p99 = 0.05) {
    PastSample sample;
    sample.at = at;
    sample.load = load;
    sample.p99_s = p99;
    return sample;
}

/// A sample every five seconds; the load swings between 300 and 1,200 requests/s over a day.
History day_after_day(int days) {
    History history;
    Rng rng(7);
    const WallTime begin = kNoon - std::chrono::hours(24 * days);
    for (int i = 0; i < days * 24 * 720; ++i) {
        const double phase = 2 * M_PI * i / (24 * 720);
        const double load = 750 - 450 * std::cos(phase) + 5 * rng.uniform();
        history.add(sample_at(begin + i * 5s, load, 0.04 + load / 20'000 + 0.001 * rng.uniform()));
        if (i % 720 == 719) history.thin(begin + i * 5s);
    }
    history.thin(kNoon);
    return history;
}

}  // namespace

TEST_CASE("a week of samples shrinks to some thousands that still show every hour and every load") {
    const History history = day_after_day(9);
    const HistorySummary summary = history.summary();
    CHECK(summary.samples > 500);
    CHECK(summary.samples <= 6000);
    CHECK(summary.least_load < 310);
    CHECK(summary.most_load > 1190);
    CHECK(summary.watched_s > 6.9 * 86400);
    CHECK(summary.watched_s < 7.1 * 86400);
    // Each of the seven days keeps its peak.
    for (int day = 0; day < 7; ++day) {
        double most = 0;
        for (const PastSample& sample : history.samples()) {
            const auto ago = kNoon - sample.at;
            if (ago >= std::chrono::hours(24 * day) && ago < std::chrono::hours(24 * (day + 1)))
                most = std::max(most, sample.load);
        }
        CHECK(most > 1150);
    }
}

TEST_CASE("what is kept is spread over its hour, not its last minutes") {
    History history;
    for (int i = 0; i < 720; ++i) history.add(sample_at(kNoon + i * 5s, 500 + 0.001 * i));
    history.thin(kNoon + 1h);
    REQUIRE(history.samples().size() == 12);
    CHECK(history.samples().front().at == kNoon);
    for (std::size_t i = 1; i < history.samples().size(); ++i)
        CHECK(history.samples()[i].at - history.samples()[i - 1].at < 12min);
}

TEST_CASE("loads however wild never grow it beyond its size") {
    History history;
    Rng rng(3);
    for (int i = 0; i < 20'000; ++i) {
        history.add(sample_at(kNoon + i * 30s, std::exp(20 * rng.uniform() - 5), 0.001 + rng.uniform()));
        if (i % 1000 == 0) history.thin(kNoon + i * 30s);
    }
    history.thin(kNoon + 20'000 * 30s);
    CHECK(history.samples().size() == 6000);
}

TEST_CASE("the same sample told twice, a frozen exporter, and what is no number are not kept") {
    History history;
    history.add(sample_at(kNoon, 500));
    history.add(sample_at(kNoon, 500.5));
    history.add(sample_at(kNoon + 5s, 500));
    history.add(sample_at(kNoon + 10s, std::nan("")));
    history.add(sample_at(kNoon + 15s, 0));
    history.add(sample_at(kNoon + 20s, 500, std::numeric_limits<double>::infinity()));
    history.add(sample_at(kNoon + 25s, 500, -1));
    CHECK(history.samples().size() == 1);
    history.add(sample_at(kNoon - 5s, 400));  // late, and in its place
    REQUIRE(history.samples().size() == 2);
    CHECK(history.samples().front().load == 400);
}

TEST_CASE("what was sampled while our sends were felt is left out, whoever saw it") {
    History history;
    history.busy(kNoon, kNoon + 10min);
    history.add(sample_at(kNoon - 1s, 500));
    history.add(sample_at(kNoon, 501));
    history.add(sample_at(kNoon + 9min, 502));
    history.add(sample_at(kNoon + 11min, 503));
    CHECK(history.samples().size() == 2);

    history.busy(kNoon + 5min, kNoon + 20min);  // it never ceased
    history.add(sample_at(kNoon + 1s, 504));
    history.add(sample_at(kNoon + 15min, 505));
    CHECK(history.samples().size() == 2);
    history.busy(kNoon + 1h, kNoon + 2h);  // another campaign; the time between was quiet
    history.add(sample_at(kNoon + 30min, 506));
    CHECK(history.samples().size() == 3);
}

TEST_CASE("our part counts as negligible up to a twentieth of the load") {
    CHECK(passive(1000, 0));
    CHECK(passive(1000, 50));
    CHECK_FALSE(passive(1000, 51));
    CHECK_FALSE(passive(0, 1));
}

TEST_CASE("a history survives its file, and the file says what it is") {
    History history = day_after_day(1);
    PastSample rich = sample_at(kNoon + 1s, 777);
    rich.errors = 0.002;
    rich.extra = {{"lock_waits", 12.5}};
    history.add(rich);
    history.busy(kNoon + 1min, kNoon + 2min);
    const std::string text = history.text("app-api", kIdentity);
    CHECK(text.starts_with("{\"tidegate_history\":1,\"backend\":\"app-api\",\"signal\":\"0123456789abcdef\""));
    const auto again = History::parse(text, kIdentity);
    REQUIRE(again);
    CHECK(*again == history);
}

TEST_CASE("damaged lines are left out and counted; another version and another signal are refused") {
    History history;
    for (int i = 0; i < 4; ++i) history.add(sample_at(kNoon + i * 5s, 500 + i));
    std::string text = history.text("app-api", kIdentity);
    const std::string whole = text;
    text.resize(text.size() - 5);  // a torn last line
    text.insert(text.find('\n') + 1, "{\"at\":1e300,\"p99\":1,\"load\":1}\nnonsense\n{\"at\":-9223372036854775808}\n");
    const auto damaged = History::parse(text, kIdentity);
    REQUIRE(damaged);
    CHECK(damaged->samples().size() == 3);
    CHECK(to_string(damaged->summary()).find("4 of its lines cannot be read") != std::string::npos);

    CHECK(History::parse(whole, "another").error().code == Errc::refused);
    std::string newer = whole;
    newer.replace(newer.find(":1,"), 3, ":2,");
    CHECK(History::parse(newer, kIdentity).error().text().find("version 2") != std::string::npos);
    CHECK(History::parse("", kIdentity).error().code == Errc::invalid);
    CHECK(History::parse("[]\n", kIdentity).error().code == Errc::invalid);
    CHECK(History::parse("{\"tidegate_history\":1}\n", kIdentity).error().code == Errc::invalid);
}

TEST_CASE("an observation becomes a past sample by the wall clock, and comes back with today's limits") {
    const TimePoint now{1000s};
    Observation seen;
    seen.at = now - 7s;
    seen.p99 = 40ms;
    seen.load = 812;
    seen.errors = 0.001;
    seen.extra = {{"lock_waits", 12, 40}, {"gone", 1, 2}};
    const auto past = past_sample(seen, now, kNoon);
    REQUIRE(past);
    CHECK(past->at == kNoon - 7s);

    PrometheusSignal signal;
    signal.extra = {{"lock_waits", "pg_lock_waits", 50}};
    const Observation back = observation_of(*past, signal, TimePoint{5000s}, kNoon + 1h);
    CHECK(back.at == TimePoint{5000s} - 1h - 7s);
    CHECK(back.load == seen.load);
    CHECK(back.errors == seen.errors);
    CHECK(back.extra == std::vector<ExtraReading>{{"lock_waits", 12, 50}});

    seen.samples = 49;
    CHECK_FALSE(past_sample(seen, now, kNoon));
    seen.samples = 50;
    CHECK(past_sample(seen, now, kNoon));
    seen.load.reset();
    CHECK_FALSE(past_sample(seen, now, kNoon));
}

TEST_CASE("another address or query is another history; objectives, periods and leading signals are not") {
    PrometheusSignal signal;
    signal.url = "http://user:secret@127.0.0.1:9090";
    signal.p99 = "p";
    signal.load = "l";
    const std::string identity = history_identity(signal);
    CHECK(identity.size() == 16);
    PrometheusSignal same = signal;
    same.every = 10s;
    same.timeout = 1s;
    same.at = "now";
    same.extra = {{"lock_waits", "q", 40}};
    CHECK(history_identity(same) == identity);
    for (std::string PrometheusSignal::*field :
         {&PrometheusSignal::url, &PrometheusSignal::p99, &PrometheusSignal::load, &PrometheusSignal::errors}) {
        PrometheusSignal other = signal;
        other.*field += "x";
        CHECK(history_identity(other) != identity);
    }
    JsonSignal json;
    const std::string seconds = history_identity(json);
    json.milliseconds = true;
    CHECK(history_identity(json) != seconds);
}

TEST_CASE("only a signal that tells the load can teach") {
    JsonSignal json;
    CHECK_FALSE(tells_load(json));
    json.load = "/load";
    CHECK(tells_load(json));
    CHECK_FALSE(tells_load(ProbeSignal{}));
    CHECK(tells_load(PushSignal{}));
}

TEST_CASE("a history is told in one line") {
    HistorySummary summary;
    CHECK(to_string(summary) == "none: the first campaign explores carefully");
    summary.samples = 2000;
    summary.watched_s = 23 * 3600 + 100;
    summary.least_load = 310.4;
    summary.most_load = 1180.2;
    summary.worst_p99_s = 0.182;
    CHECK(to_string(summary) == "23 h, loads 310-1,180 requests/s, highest p99 182 ms");
    summary.watched_s = 40;
    summary.note = "2 of its lines cannot be read";
    CHECK(to_string(summary) == "40 s, loads 310-1,180 requests/s, highest p99 182 ms (2 of its lines cannot be read)");
    summary = {};
    summary.least_load = summary.most_load = 2.5;
    summary.samples = 1;
    CHECK(to_string(summary) == "1 s, loads 2.5-2.5 requests/s, highest p99 0 ms");
}
