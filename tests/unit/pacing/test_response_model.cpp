#include <doctest/doctest.h>

#include <cmath>

#include "tidegate/pacing/response_model.hpp"

using namespace tidegate;

namespace {
const ResponseOptions kBelief{.open_rate = 0.08, .median = std::chrono::seconds(45), .spread = 1.2};
}

TEST_CASE("half of the opens come by the median and under one per cent after the horizon") {
    const ResponseModel model(kBelief);
    CHECK(model.cumulative(45.0) == doctest::Approx(0.04));
    CHECK(model.cumulative(model.horizon()) == doctest::Approx(0.99 * 0.08));
    CHECK(model.horizon() == doctest::Approx(45.0 * std::exp(1.2 * 2.3263479)).epsilon(1e-6));
    CHECK(model.quantile(0.5) == doctest::Approx(45.0));
    CHECK(model.cumulative(model.quantile(0.8)) == doctest::Approx(0.8 * 0.08));
    CHECK(model.density(-1.0) == 0.0);
    CHECK(model.cumulative(0.0) == 0.0);
}

TEST_CASE("the density integrates to the cumulative") {
    for (double spread : {0.3, 0.8, 1.2, 2.5}) {
        const ResponseModel model({.open_rate = 0.2, .median = std::chrono::seconds(2), .spread = spread});
        double sum = 0.0;
        for (double u = 0.0005; u < 4.0; u += 0.001) sum += 0.001 * model.density(u);
        CHECK(sum == doctest::Approx(model.cumulative(4.0)).epsilon(1e-3));
    }
}

TEST_CASE("doubt is modest without sight of opens, larger at the first, and shrinks as they come") {
    ResponseModel model(kBelief);
    const double unseen = model.doubt();
    CHECK(unseen > 1.0);
    CHECK(unseen <= 1.25);
    model.observe(0.0, 1.0);
    double last = model.doubt();
    CHECK(last > unseen);
    for (int i = 0; i < 200; ++i) {
        model.observe(10.0, 10.0);
        REQUIRE(model.doubt() <= last);
        REQUIRE(model.doubt() >= 1.0);
        last = model.doubt();
    }
    CHECK(last < 1.1);
    CHECK(model.total() == doctest::Approx(0.08).epsilon(0.05));
}

TEST_CASE("more opens than believed raise the curve in proportion") {
    ResponseModel model(kBelief);
    for (int i = 0; i < 500; ++i) {
        const double predicted = 10.0 * model.total() / 0.08;
        model.observe(50.0, predicted);
    }
    CHECK(model.total() == doctest::Approx(0.4).epsilon(0.1));
}

TEST_CASE("opens that stop being attributed lower the curve to a half at most") {
    ResponseModel model(kBelief);
    for (int i = 0; i < 500; ++i) model.observe(0.0, 100.0);
    CHECK(model.total() == doctest::Approx(0.04));
}

TEST_CASE("nonsense counts of opens change nothing") {
    ResponseModel model(kBelief);
    model.observe(std::nan(""), 3.0);
    model.observe(3.0, -1.0);
    model.observe(INFINITY, 3.0);
    CHECK(model.evidence() == 0.0);
    CHECK(model.doubt() == ResponseModel(kBelief).doubt());
}
