#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "tidegate/pacing/response_model.hpp"

using namespace tidegate;

namespace {

const ResponseOptions kBelief{.open_rate = 0.08, .median = std::chrono::seconds(45), .spread = 1.2};

ResponseOptions like(double open_rate, double median, double spread = 1.2) {
    return {.open_rate = open_rate, .median = std::chrono::duration_cast<Duration>(Seconds(median)), .spread = spread};
}

/// A campaign that sends `rate` messages a second for `send_s` and counts its opens exactly, each second until `until`.
struct Counting {
    std::function<double(double)> truth;  // opens per message up to a lag
    double rate = 1000.0, send_s = 1e9;
    bool by_age = true;

    void run(ResponseModel& model, double until) const {
        const std::vector<double>& edges = model.edges();
        for (double t = 0.5; t < until; t += 1.0) {
            std::vector<double> messages, opens;
            for (std::size_t j = 0; j + 1 < edges.size(); ++j) {
                const double oldest = std::min(t, edges[j + 1]), newest = std::max(t - send_s, edges[j]);
                messages.push_back(rate * std::max(0.0, oldest - newest));
                opens.push_back(oldest > newest ? rate * (truth(oldest) - truth(newest)) : 0.0);
            }
            if (by_age)
                model.learn(opens, messages, 1.0);
            else
                model.learn(std::accumulate(opens.begin(), opens.end(), 0.0), messages, 1.0);
        }
    }
};

Counting counting(const ResponseOptions& truth) {
    const ResponseModel curve(truth);
    return {[curve](double lag) { return curve.cumulative(lag); }};
}

}  // namespace

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

TEST_CASE("the density integrates to the cumulative, believed and learnt") {
    for (double spread : {0.3, 0.8, 1.2, 2.5})
        for (bool learnt : {false, true}) {
            ResponseModel model(like(0.2, 2.0, spread));
            if (learnt) counting(like(0.3, 3.0, spread)).run(model, 60.0);
            double sum = 0.0;
            for (double u = 0.0005; u < 4.0; u += 0.001) sum += 0.001 * model.density(u);
            CAPTURE(spread);
            CHECK(sum == doctest::Approx(model.cumulative(4.0)).epsilon(2e-3));
        }
}

TEST_CASE("shapes are a probability distribution and their careful curves lie above what is expected") {
    ResponseModel model(kBelief);
    CHECK(model.careful_total() > model.total());
    CHECK_FALSE(model.informed());
    for (double until : {10.0, 100.0, 400.0}) {
        counting(like(0.1, 60.0)).run(model, until);
        CHECK(model.informed());
        double weight = 0.0;
        for (const ResponseModel::Shape& shape : model.shapes()) {
            weight += shape.weight;
            REQUIRE(shape.weight >= 0.0);
        }
        CHECK(weight == doctest::Approx(1.0));
        CHECK(model.careful_total() > model.total());
    }
    CHECK(model.careful_total() < 1.1 * model.total());  // and doubt shrinks as opens come
}

TEST_CASE("five times the opens are believed within a hundred of them") {
    ResponseModel model(kBelief);
    Counting truth = counting(like(0.4, 45.0));
    truth.rate = 100.0;
    truth.run(model, 15.0);
    CHECK(model.evidence() < 150.0);
    CHECK(model.careful_total() > 0.3);
    truth.rate = 1000.0;
    ResponseModel later(kBelief);
    truth.run(later, 300.0);
    CHECK(later.total() == doctest::Approx(0.4).epsilon(0.1));
    CHECK(later.median() == doctest::Approx(45.0).epsilon(0.1));
}

TEST_CASE("few opens so far are fewer or later, and the worse stays possible until lags tell") {
    ResponseModel model(kBelief);
    const Counting late = counting(like(0.08, 180.0));
    late.run(model, 20.0);
    // Twenty seconds cannot tell a tenth of the people from people four times as slow.
    CHECK(model.careful_total() > 0.04);
    ResponseModel whole(kBelief);
    late.run(whole, 600.0);
    CHECK(whole.median() == doctest::Approx(180.0).epsilon(0.1));
    CHECK(whole.total() == doctest::Approx(whole.horizon() > 700.0 ? 0.08 * 0.88 : 0.08).epsilon(0.15));
}

TEST_CASE("people who stay away lower the curve") {
    ResponseModel model(kBelief);
    counting(like(0.008, 45.0)).run(model, 300.0);
    CHECK(model.total() == doctest::Approx(0.008).epsilon(0.15));
}

TEST_CASE("a curve of no known family is followed bin by bin: plenty of opens outweigh the prior") {
    // Half at once, half after ten minutes, as when a second channel wakes people up.
    const ResponseModel quick(like(0.04, 2.0, 0.6)), slow(like(0.04, 600.0, 0.4));
    ResponseModel model(like(0.08, 60.0, 1.2));
    Counting truth{[&](double lag) { return quick.cumulative(lag) + slow.cumulative(lag); }};
    truth.rate = 2000.0;
    truth.run(model, 950.0);
    const auto between = [](const ResponseModel& m, double from, double to) {
        return m.cumulative(to) - m.cumulative(from);
    };
    CHECK(between(model, 0.0, 8.0) == doctest::Approx(truth.truth(8.0)).epsilon(0.1));
    CHECK(between(model, 400.0, 800.0) == doctest::Approx(truth.truth(800.0) - truth.truth(400.0)).epsilon(0.15));
    CHECK(between(model, 30.0, 200.0) < 0.004);
}

TEST_CASE("totals alone tell how many react") {
    for (double truth : {0.02, 0.08, 0.3}) {
        ResponseModel model(kBelief);
        Counting counts = counting(like(truth, 45.0));
        counts.by_age = false;
        counts.run(model, 400.0);
        CAPTURE(truth);
        CHECK(model.total() == doctest::Approx(truth).epsilon(0.2));
    }
}

TEST_CASE("totals alone tell how fast they react when the sends begin at one moment") {
    ResponseModel model(kBelief);
    Counting counts = counting(like(0.08, 180.0));
    counts.by_age = false;
    counts.send_s = 30.0;
    counts.run(model, 600.0);
    CHECK(model.median() > 110.0);
}

TEST_CASE("nonsense teaches nothing") {
    ResponseModel model(kBelief);
    const std::size_t bins = model.edges().size() - 1;
    const std::vector<double> some(bins, 1.0), messages(bins, 100.0);
    std::vector<double> odd = some;
    for (double bad : {std::nan(""), -1.0, static_cast<double>(INFINITY)}) {
        odd[3] = bad;
        model.learn(odd, messages, 1.0);
        model.learn(some, odd, 1.0);
        model.learn(bad, messages, 1.0);
        model.learn(some, messages, bad);
    }
    model.learn(some, messages, 0.0);
    model.learn(std::vector<double>(bins - 1, 1.0), messages, 1.0);
    model.learn(some, std::vector<double>{}, 1.0);
    CHECK_FALSE(model.informed());
    CHECK(model.evidence() == 0.0);
    CHECK(model.careful_total() == ResponseModel(kBelief).careful_total());
}

TEST_CASE("the same opens give the same curve, and a copy goes its own way") {
    ResponseModel one(kBelief), two(kBelief);
    counting(like(0.2, 30.0)).run(one, 50.0);
    counting(like(0.2, 30.0)).run(two, 50.0);
    CHECK(one.expected() == two.expected());
    const ResponseModel copy = two;
    counting(like(0.2, 30.0)).run(two, 50.0);
    CHECK(copy.expected() == one.expected());
    CHECK(two.expected() != one.expected());
}

TEST_CASE("the law's constants reach the curve") {
    Law bold;
    bold.unseen_doubt = 1.0;
    CHECK(ResponseModel(kBelief, bold).careful_total() < ResponseModel(kBelief).careful_total());
    ResponseModel timid(kBelief, Law{.curve_doubt = 4.0}), usual(kBelief);
    counting(kBelief).run(timid, 20.0);
    counting(kBelief).run(usual, 20.0);
    CHECK(timid.careful_total() > usual.careful_total());
}
