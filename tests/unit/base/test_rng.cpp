#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tidegate/base/rng.hpp"

using tidegate::Rng;

TEST_CASE("the stream of a seed never changes") {
    // The first output depends on the second seed word alone, which is the second output of splitmix64 from 0.
    Rng rng(0);
    const std::uint64_t first = rng.bits();
    const std::uint64_t word = 0x6e789e6aa1b965f4u;
    const std::uint64_t times5 = word * 5;
    CHECK(first == ((times5 << 7) | (times5 >> 57)) * 9);

    Rng a(42), b(42), c(43);
    CHECK(a.bits() == b.bits());
    CHECK(a.bits() != c.bits());
    Rng pinned(7);
    CHECK(pinned.normal() == doctest::Approx(0.96436185272551866).epsilon(1e-15));
    CHECK(pinned.log_normal(45, 1.2) == doctest::Approx(31.247717738003608).epsilon(1e-15));
    CHECK(pinned.poisson(3.5) == 6);
    CHECK(pinned.poisson(1000) == 997);
}

TEST_CASE("uniform numbers stay in [0, 1) and fill it evenly") {
    Rng rng(1);
    std::vector<int> bins(10);
    for (int i = 0; i < 100000; ++i) {
        const double u = rng.uniform();
        REQUIRE(u >= 0);
        REQUIRE(u < 1);
        ++bins[static_cast<std::size_t>(u * 10)];
    }
    for (const int count : bins) CHECK(std::abs(count - 10000) < 500);
}

TEST_CASE("normal and log-normal numbers have the promised moments") {
    Rng rng(2);
    const int n = 100000;
    double sum = 0, squares = 0;
    for (int i = 0; i < n; ++i) {
        const double x = rng.normal();
        sum += x;
        squares += x * x;
    }
    CHECK(std::fabs(sum / n) < 0.015);
    CHECK(squares / n == doctest::Approx(1).epsilon(0.02));

    std::vector<double> values(n);
    double logs = 0;
    for (double& value : values) {
        value = rng.log_normal(45, 1.2);
        logs += std::pow(std::log(value / 45), 2);
    }
    std::nth_element(values.begin(), values.begin() + n / 2, values.end());
    CHECK(values[n / 2] == doctest::Approx(45).epsilon(0.03));
    CHECK(std::sqrt(logs / n) == doctest::Approx(1.2).epsilon(0.02));
    CHECK(rng.log_normal(45, 0) == doctest::Approx(45));
}

TEST_CASE("Poisson numbers have mean and variance lambda on both sides of the change of method") {
    for (const double lambda : {0.01, 0.7, 9.99, 10.0, 40.0, 1e5}) {
        CAPTURE(lambda);
        Rng rng(3);
        const int n = 50000;
        double sum = 0, squares = 0;
        for (int i = 0; i < n; ++i) {
            const auto x = static_cast<double>(rng.poisson(lambda));
            sum += x - lambda;
            squares += (x - lambda) * (x - lambda);
        }
        const double sigma = std::sqrt(lambda / n);
        CHECK(std::fabs(sum / n) < 5 * sigma);
        CHECK(squares / n == doctest::Approx(lambda).epsilon(0.1));
    }
    Rng rng(4);
    CHECK(rng.poisson(0) == 0);
    CHECK(rng.poisson(-1) == 0);
    CHECK(rng.poisson(std::nan("")) == 0);
}
