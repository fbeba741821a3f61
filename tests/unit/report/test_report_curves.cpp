#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "report/curves.hpp"
#include "sample.hpp"
#include "tidegate/base/rng.hpp"

using namespace tidegate;
using namespace tidegate::report;
using namespace std::chrono_literals;
using sample::kStart;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

CampaignTick tick(std::chrono::milliseconds at, std::uint64_t released) {
    CampaignTick t;
    t.at = kStart + at;
    t.released = released;
    t.allowed = 100;
    return t;
}

double area(const Curve& steps) {
    double sum = 0;
    for (std::size_t i = 0; i + 1 < steps.size(); i += 2) sum += (steps[i + 1].t - steps[i].t) * steps[i].v;
    return sum;
}

}  // namespace

TEST_CASE("a long curve is thinned to a few points a column and loses no extreme of any column") {
    Rng rng(11);
    Curve curve;
    for (int i = 0; i < 36000; ++i) curve.push_back({static_cast<double>(i), rng.log_normal(40, 0.5)});
    curve[12345].v = 3000;
    curve[23456].v = -7;
    const std::size_t columns = 300;
    const Curve thin = decimate(curve, 36000, columns);
    CHECK(thin.size() <= 4 * columns);
    CHECK(thin.front() == curve.front());
    CHECK(thin.back() == curve.back());
    std::vector<double> low(columns, 1e9), high(columns, -1e9), thin_low = low, thin_high = high;
    for (const Point& p : curve) {
        const auto c = static_cast<std::size_t>(p.t / 120);
        low[c] = std::min(low[c], p.v), high[c] = std::max(high[c], p.v);
    }
    for (const Point& p : thin) {
        const auto c = static_cast<std::size_t>(p.t / 120);
        thin_low[c] = std::min(thin_low[c], p.v), thin_high[c] = std::max(thin_high[c], p.v);
    }
    CHECK(low == thin_low);
    CHECK(high == thin_high);
}

TEST_CASE("thinning keeps a gap a gap") {
    Curve curve;
    for (int i = 0; i < 10000; ++i) curve.push_back({static_cast<double>(i), i >= 4000 && i < 6000 ? kNaN : 1.0});
    bool broken = false;
    for (const Point& p : decimate(curve, 10000, 50)) broken = broken || std::isnan(p.v);
    CHECK(broken);
}

TEST_CASE("the curve of sends tells every message that was released") {
    RunSeries series;
    std::uint64_t all = 0;
    Rng rng(3);
    for (int i = 1; i <= 500; ++i) {
        const std::uint64_t n = rng.bits() % 30;
        all += n;
        series.ticks.push_back(tick(200ms * i, n));
    }
    const PanelCurves curves = curves_of(RunReport{}, series);
    CHECK(area(curves.sends) == doctest::Approx(static_cast<double>(all)).epsilon(0.01));
    for (std::size_t i = 0; i + 3 < curves.sends.size(); i += 2) {
        CHECK(curves.sends[i + 1].t - curves.sends[i].t >= 0.7);
    }
}

TEST_CASE("a night between two runs is a gap in the curves, not a slope") {
    RunSeries series;
    for (int i = 0; i < 20; ++i) series.ticks.push_back(tick(1000ms * i, 10));
    for (int i = 0; i < 20; ++i) series.ticks.push_back(tick(10h + 1000ms * i, 10));
    const PanelCurves curves = curves_of(RunReport{}, series);
    CHECK(peak(curves.sends) == doctest::Approx(10));
    for (const Curve* curve : {&curves.sends, &curves.allowed}) {
        for (std::size_t i = 1; i < curve->size(); ++i) {
            const bool across = (*curve)[i].t - (*curve)[i - 1].t > 100;
            if (across) CHECK(std::isnan((*curve)[i - 1].v));
        }
    }
}

TEST_CASE("an unbounded allowance and an unknown ceiling draw nothing") {
    RunSeries series;
    series.ticks = {tick(0ms, 1), tick(1000ms, 1)};
    series.ticks[0].allowed = series.ticks[1].allowed = std::numeric_limits<double>::infinity();
    BackendTick b;
    b.at = kStart;
    b.backend = "app-api";
    b.ceiling = std::numeric_limits<double>::infinity();
    series.backend_ticks = {b};
    const PanelCurves curves = curves_of(RunReport{}, series);
    CHECK(peak(curves.allowed) == 0);
    CHECK(peak(curves.backends.at(0).ceiling) == 0);
}

TEST_CASE("beyond forty cohorts neighbours share a lane, canaries never, and nobody is lost") {
    RunReport r;
    std::uint64_t all = 0;
    for (std::uint32_t i = 0; i < 1003; ++i) {
        CohortRecord c{i, "c" + std::to_string(i), i < 3, 10 + i, 0, kStart + i * 1s, kStart + (i + 5) * 1s};
        all += c.recipients;
        r.cohorts.push_back(c);
    }
    const PanelCurves curves = curves_of(r, {});
    REQUIRE(curves.lanes.size() <= 40);
    std::uint64_t drawn = 0;
    for (std::size_t i = 0; i < curves.lanes.size(); ++i) {
        drawn += curves.lanes[i].recipients;
        CHECK(curves.lanes[i].canary == (i < 3));
    }
    CHECK(drawn == all);
    CHECK(curves.lanes[3].label == "c3 … c30");
    CHECK(curves.lanes[3].from == 3);
    CHECK(curves.lanes[3].to == 35);
}

TEST_CASE("a hold that was never lifted lasts to the end of the picture") {
    RunReport r = sample::report();
    RunSeries series;
    series.ticks = {tick(0ms, 1), tick(100s, 1)};
    const PanelCurves curves = curves_of(r, series);
    REQUIRE(curves.backends.size() == 1);
    REQUIRE(curves.backends[0].holds.size() == 2);
    CHECK(curves.backends[0].holds[1].to == 100);
}
