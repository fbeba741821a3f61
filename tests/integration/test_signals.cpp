// Sensors against the real thing: the twin's bank and telemetry page, and a Prometheus server that scrapes it.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

#include "net/http.hpp"
#include "signal/factory.hpp"
#include "support/places.hpp"
#include "support/process.hpp"
#include "support/raw_server.hpp"
#include "support/temp_dir.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

/// A twin with 100 requests/s of its own customers.
class Twin {
  public:
    Twin() : process_(start()) {
        const auto path = dir_.file("ports.json");
        for (int i = 0; i < 1000 && !std::filesystem::exists(path); ++i) std::this_thread::sleep_for(10ms);
        ports_ = nlohmann::json::parse(read_file(path), nullptr, false);
        REQUIRE_MESSAGE(ports_.is_object(), "the twin did not come up");
    }

    std::string url(const char* port, const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(ports_[port].get<int>()) + path;
    }
    int port(const char* name) const { return ports_[name].get<int>(); }

    void fault(const std::string& what) const {
        net::HttpRequest request;
        request.url = url("ops", "/fault?" + what);
        REQUIRE(net::fetch(request).response.status == 200);
    }

  private:
    Process start() {
        return Process::spawn({bin_dir() + "/tidegate-twin", "--port-file", dir_.file("ports.json"), "--baseline",
                               "100", "--capacity", "400"});
    }

    TempDir dir_;
    Process process_;
    nlohmann::json ports_;
};

/// Runs an HttpLoop for as long as it lives.
class Running {
  public:
    Running()
        : thread_([this] {
              while (!ending_) loop.run(50ms);
          }) {}
    ~Running() {
        ending_ = true;
        loop.wake();
        thread_.join();
    }
    net::HttpLoop loop;

  private:
    std::atomic<bool> ending_ = false;
    std::thread thread_;
};

TimePoint now() {
    return system_clock().now();
}

/// Polls ten times a second until `wanted` accepts the result; none when it never did.
template <class Wanted>
std::optional<Result<Observation>> poll_until(Sensor& sensor, Duration limit, Wanted wanted) {
    for (const TimePoint end = now() + limit; now() < end; std::this_thread::sleep_for(100ms)) {
        auto result = sensor.poll(now());
        if (wanted(result)) return result;
    }
    return std::nullopt;
}

bool seen(const Result<Observation>& result) {
    return static_cast<bool>(result);
}

std::shared_ptr<Sensor> sensor_for(const SignalOptions& options, Running& running) {
    auto made = signal::make_sensor(options, running.loop, system_clock(), 15s);
    REQUIRE(made);
    return *made;
}

bool have_prometheus() {
    auto version = Process::spawn({"prometheus", "--version"});
    return version.wait(20s) == 0;
}

}  // namespace

TEST_CASE("a JSON signal reads the twin's latency, load and time") {
    const Twin twin;
    Running running;
    JsonSignal options;
    options.url = twin.url("ops", "/json");
    options.every = 250ms;
    options.load = "/load";
    options.errors = "/errors";
    options.at = "/at";
    options.opens = "/opens";
    options.extra = {{"lock_waits", "/lock_waits", 40}};
    options.milliseconds = true;
    const auto sensor = sensor_for(options, running);
    CHECK_FALSE(sensor->poll(now()));

    // The twin's window of two seconds must have filled.
    const auto healthy = poll_until(*sensor, 15s, [](const auto& result) { return result && result->load > 60.0; });
    REQUIRE(healthy);
    const Observation first = **healthy;
    CHECK(first.load < 150.0);
    CHECK(first.p99 > Seconds(0.005));
    CHECK(first.p99 < Seconds(1.0));
    CHECK(first.errors == 0.0);
    CHECK(first.opens == 0.0);
    CHECK(first.extra == std::vector<ExtraReading>{{"lock_waits", 0.0, 40}});
    CHECK(seconds_between(first.at, now()) < 3.0);
    CHECK(poll_until(*sensor, 10s, [&](const auto& result) { return result && result->at > first.at; }));

    twin.fault("telemetry=nan");
    CHECK(poll_until(*sensor, 10s, [](const auto& result) { return !result; }));
    twin.fault("telemetry=dead");
    const auto dead = poll_until(
        *sensor, 10s, [](const auto& result) { return !result && result.error().what.rfind("no answer", 0) == 0; });
    CHECK(dead);
    twin.fault("telemetry=ok");
    CHECK(poll_until(*sensor, 10s, seen));
}

TEST_CASE("a probe measures the bank itself, and its time-outs") {
    const Twin twin;
    Running running;
    ProbeSignal options;
    options.url = twin.url("bank", "/health");
    options.per_second = 50;
    options.timeout = 1s;
    const auto sensor = sensor_for(options, running);
    const auto healthy = poll_until(*sensor, 15s, seen);
    REQUIRE(healthy);
    CHECK((*healthy)->samples >= 50U);
    CHECK((*healthy)->errors == 0.0);
    CHECK((*healthy)->p99 > Seconds(0.002));
    CHECK((*healthy)->p99 < Seconds(1.0));
    CHECK_FALSE((*healthy)->load);

    twin.fault("capacity=0.02");
    const auto drowned = poll_until(*sensor, 20s, [](const auto& result) { return result && result->errors > 0.5; });
    REQUIRE(drowned);
    CHECK((*drowned)->p99 >= Seconds(1.0));

    // A page that is not there is quick on any backend.
    options.url = twin.url("ops", "/nothing-here");
    const auto misdirected = sensor_for(options, running);
    const auto told = poll_until(*misdirected, 10s, [](const auto& result) {
        return !result && result.error().what.find("404") != std::string::npos;
    });
    CHECK(told);
}

TEST_CASE("a Prometheus signal follows a real server, and a dead exporter grows old") {
    if (!have_prometheus()) {
        MESSAGE("skipped: no prometheus in PATH (package prometheus)");
        return;
    }
    const Twin twin;
    const TempDir dir;
    const auto config = dir.write("prometheus.yml",
                                  "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
                                  "scrape_configs:\n"
                                  "  - job_name: bank\n"
                                  "    static_configs: [{targets: ['127.0.0.1:" +
                                      std::to_string(twin.port("ops")) + "']}]\n");
    auto [prometheus, port] = spawn_server(
        [&](std::uint16_t free) {
            return std::vector<std::string>{"prometheus", "--config.file=" + config,
                                            "--storage.tsdb.path=" + dir.file("data"),
                                            "--web.listen-address=127.0.0.1:" + std::to_string(free)};
        },
        dir.file("prometheus.log"));
    Running running;
    PrometheusSignal options;
    options.url = "http://127.0.0.1:" + std::to_string(port);
    options.every = 500ms;
    options.p99 = "histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket[5s])) by (le))";
    options.load = "sum(rate(http_requests_total[5s]))";
    options.errors = "sum(rate(http_requests_total{code=~'5..'}[5s])) / sum(rate(http_requests_total[5s]))";
    options.at = "min(timestamp(http_requests_total))";
    options.opens = "sum(rate(app_opens_total[5s]))";
    options.extra = {{"lock_waits", "pg_lock_waits", 40}, {"absent", "no_such_metric", 1}};
    const auto sensor = sensor_for(options, running);
    CHECK_FALSE(sensor->poll(now()));

    const auto healthy = poll_until(*sensor, 40s, [](const auto& result) { return result && result->load > 70.0; });
    REQUIRE_MESSAGE(healthy, sensor->poll(now()).error().text());
    const Observation first = **healthy;
    CHECK(first.load < 140.0);
    CHECK(first.p99 > Seconds(0.005));
    CHECK(first.p99 < Seconds(1.0));
    CHECK(first.errors == 0.0);
    CHECK(first.opens == 0.0);
    CHECK(seconds_between(first.at, now()) < 4.0);
    REQUIRE(first.extra.size() == 2);
    CHECK(first.extra[0] == ExtraReading{"lock_waits", 0.0, 40});
    CHECK(std::isnan(first.extra[1].value));
    CHECK(poll_until(*sensor, 10s, [&](const auto& result) { return result && result->at > first.at; }));

    for (const auto& [query, what] : {std::pair{"http_requests_total", "4 series"}, std::pair{"sum(", "parse error"},
                                      std::pair{"no_such_metric", "returned nothing"}}) {
        CAPTURE(query);
        auto wrong = options;
        wrong.p99 = query;
        const auto asking = sensor_for(wrong, running);
        const auto told = poll_until(*asking, 10s, [&, text = std::string(what)](const auto& result) {
            return !result && result.error().what.find(text) != std::string::npos;
        });
        REQUIRE(told);
        CHECK(told->error().where == "p99");
    }

    // The exporter dies: nothing newer comes, although the rates could still be computed for a while.
    twin.fault("telemetry=dead");
    const TimePoint died = now();
    CHECK_FALSE(poll_until(*sensor, 4s, [&](const auto& result) { return result && result->at > died + 500ms; }));
    const auto last = sensor->poll(now());
    REQUIRE_FALSE(last);
    CHECK(last.error().where == "at");
    twin.fault("telemetry=ok");
    CHECK(poll_until(*sensor, 15s, [&](const auto& result) { return result && result->at > died + 4s; }));

    prometheus.terminate();
    CHECK(poll_until(*sensor, 10s,
                     [](const auto& result) { return !result && result.error().what.rfind("no answer", 0) == 0; }));
}

TEST_CASE("a sensor may go while its requests wait for an answer") {
    // Takes requests and never answers.
    const RawServer silent([](int connection) {
        std::string pending;
        while (!read_request(connection, pending).empty()) {
        }
    });
    Running running;
    for (int round = 0; round < 5; ++round) {
        PrometheusSignal prometheus;
        prometheus.url = silent.url("");
        prometheus.p99 = prometheus.load = prometheus.at = "up";
        ProbeSignal probe;
        probe.url = silent.url();
        probe.per_second = 20;
        JsonSignal json;
        json.url = silent.url();
        for (const SignalOptions& options : {SignalOptions(prometheus), SignalOptions(probe), SignalOptions(json)}) {
            const auto sensor = sensor_for(options, running);
            CHECK_FALSE(sensor->poll(now()));
            std::this_thread::sleep_for(20ms);
            CHECK_FALSE(sensor->poll(now()));
        }
    }
}

TEST_CASE("a push signal makes a sensor the host can push to, a faulty signal none") {
    Running running;
    const auto made = signal::make_sensor(PushSignal{}, running.loop, system_clock(), 15s);
    REQUIRE(made);
    CHECK(std::dynamic_pointer_cast<PushSensor>(*made) != nullptr);
    const auto faulty = signal::make_sensor(ProbeSignal{}, running.loop, system_clock(), 15s);
    REQUIRE_FALSE(faulty);
    CHECK(faulty.error().where == "url");
}
