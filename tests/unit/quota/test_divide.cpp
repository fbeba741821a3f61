#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "tidegate/base/rng.hpp"
#include "tidegate/quota/quota_store.hpp"

using namespace tidegate;

TEST_CASE("the higher priority is served first and whoever waits keeps a floor") {
    const std::vector<Claim> claims{{9, 1000.0}, {5, 1000.0}};
    const std::vector<double> shares = divide(100.0, claims);
    CHECK(shares[0] == doctest::Approx(97.5));
    CHECK(shares[1] == doctest::Approx(2.5));
}

TEST_CASE("equals share evenly and what one leaves the others get") {
    const std::vector<Claim> claims{{5, 10.0}, {5, 1000.0}, {5, 1000.0}};
    const std::vector<double> shares = divide(100.0, claims);
    CHECK(shares[0] == doctest::Approx(10.0));
    CHECK(shares[1] == doctest::Approx(45.0));
    CHECK(shares[2] == doctest::Approx(45.0));
}

TEST_CASE("a division never gives more than there is, than is wanted, or less than the floor") {
    Rng rng(11);
    for (int round = 0; round < 3000; ++round) {
        std::vector<Claim> claims(1 + rng.bits() % 8);
        double wanted = 0.0;
        for (Claim& c : claims) {
            c = {static_cast<int>(rng.bits() % 10), rng.uniform() < 0.2 ? 0.0 : std::exp(rng.uniform() * 20.0 - 6.0)};
            wanted += c.wants;
        }
        const double amount = std::exp(rng.uniform() * 20.0 - 8.0);
        const std::vector<double> shares = divide(amount, claims);
        const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
        REQUIRE(sum <= amount);
        REQUIRE(sum >= std::min(amount, wanted) * (1.0 - 1e-9));
        for (std::size_t i = 0; i < claims.size(); ++i) {
            REQUIRE(shares[i] <= claims[i].wants * (1.0 + 1e-12));
            const double floor = 0.05 * amount / static_cast<double>(claims.size());
            REQUIRE(shares[i] >= std::min(claims[i].wants, floor) * (1.0 - 1e-9));
        }
    }
}

TEST_CASE("dividing nothing, nonsense or the unlimited is harmless") {
    const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<Claim> claims{{5, inf}, {5, nan}, {5, -3.0}, {9, 2.0}};
    CHECK(divide(10.0, {}).empty());
    CHECK(divide(nan, claims) == std::vector<double>(4, 0.0));
    CHECK(divide(-1.0, claims) == std::vector<double>(4, 0.0));
    CHECK(divide(10.0, claims)[0] == doctest::Approx(8.0));
    CHECK(divide(10.0, claims)[3] == doctest::Approx(2.0));
    CHECK(divide(inf, claims)[0] == inf);
    CHECK(divide(inf, claims)[3] == 2.0);
}
