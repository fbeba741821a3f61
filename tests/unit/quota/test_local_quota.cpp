#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "tidegate/base/rng.hpp"
#include "tidegate/quota/quota_store.hpp"

using namespace tidegate;

namespace {
constexpr TimePoint kNow{std::chrono::seconds(100)};

std::vector<Lease> leases(QuotaStore& quota, const std::vector<Flow>& flows) {
    Result<std::vector<Lease>> result = quota.renew(flows, kNow);
    REQUIRE(result);
    return *result;
}
}  // namespace

TEST_CASE("a lease carries the lowest of its resources' rates, names it, and ends after three seconds") {
    const auto quota = make_local_quota();
    quota->set_cap("acct:ios", Rate{100.0});
    quota->set_cap("camp:a", Rate{40.0});
    const auto got = leases(*quota, {{"a/ios", {"camp:a", "acct:ios"}, 5, Rate{500.0}}});
    REQUIRE(got.size() == 1);
    CHECK(got[0].flow == "a/ios");
    CHECK(got[0].rate.per_second == doctest::Approx(40.0));
    CHECK(got[0].limited_by == "camp:a");
    CHECK(got[0].expires == kNow + std::chrono::seconds(3));
}

TEST_CASE("what nobody limits is granted as wanted, and a cap removed no longer limits") {
    const auto quota = make_local_quota();
    CHECK(leases(*quota, {{"a", {"x"}, 5, Rate{7.0}}})[0].limited_by.empty());
    quota->set_cap("x", Rate{1.0});
    CHECK(leases(*quota, {{"a", {"x"}, 5, Rate{7.0}}})[0].rate.per_second == doctest::Approx(1.0));
    quota->set_cap("x", Rate::unlimited());
    CHECK(std::isinf(leases(*quota, {{"a", {"x"}, 5, Rate::unlimited()}})[0].rate.per_second));
}

TEST_CASE("what a flow cannot use because of another resource goes to the others") {
    const auto quota = make_local_quota();
    quota->set_cap("acct", Rate{100.0});
    quota->set_cap("camp:slow", Rate{10.0});
    const auto got =
        leases(*quota, {{"slow", {"acct", "camp:slow"}, 5, Rate{100.0}}, {"fast", {"acct"}, 5, Rate{100.0}}});
    CHECK(got[0].rate.per_second == doctest::Approx(10.0));
    CHECK(got[1].rate.per_second == doctest::Approx(90.0));
    CHECK(got[1].limited_by == "acct");
}

TEST_CASE("no resource is ever over its cap, however flows cross") {
    Rng rng(5);
    for (int round = 0; round < 400; ++round) {
        const auto quota = make_local_quota();
        std::map<std::string, double> caps, used;
        for (int r = 0; r < 5; ++r) {
            const std::string name = "r" + std::to_string(r);
            if (rng.uniform() < 0.2) continue;
            caps[name] = rng.uniform() < 0.1 ? 0.0 : std::exp(rng.uniform() * 10.0);
            quota->set_cap(name, Rate{caps[name]});
        }
        std::vector<Flow> flows;
        for (int f = 0; f < 6; ++f) {
            Flow flow{
                "f" + std::to_string(f), {}, static_cast<int>(rng.bits() % 10), Rate{std::exp(rng.uniform() * 11.0)}};
            for (int r = 0; r < 5; ++r)
                if (rng.uniform() < 0.4) flow.resources.push_back("r" + std::to_string(r));
            flows.push_back(flow);
        }
        const auto got = leases(*quota, flows);
        for (std::size_t i = 0; i < flows.size(); ++i) {
            REQUIRE(got[i].flow == flows[i].id);
            REQUIRE(got[i].rate.per_second >= 0.0);
            REQUIRE(got[i].rate.per_second <= flows[i].wants.per_second * (1.0 + 1e-12));
            for (const std::string& r : flows[i].resources) used[r] += got[i].rate.per_second;
        }
        for (const auto& [name, cap] : caps) REQUIRE(used[name] <= cap * (1.0 + 1e-9));
    }
}

TEST_CASE("a resource counted in requests is shared in requests, whatever a message of each flow causes") {
    const auto quota = make_local_quota();
    quota->set_cap("be:app", Rate{120.0});
    const auto got = leases(*quota, {{"light", {"be:app"}, 5, Rate{500.0}, {0.5}},
                                     {"heavy", {"acct", "be:app"}, 5, Rate{500.0}, {1, 3.0}}});
    CHECK(got[0].rate.per_second == doctest::Approx(120.0));
    CHECK(got[1].rate.per_second == doctest::Approx(20.0));
    CHECK(got[1].limited_by == "be:app");
}

TEST_CASE("a lease lives until its end on either clock") {
    const Lease lease{"a", Rate{1.0}, kNow, "", TimePoint::max()};
    CHECK(live(lease, kNow - Duration(1)));
    CHECK_FALSE(live(lease, kNow));
    CHECK_FALSE(live({"a", Rate{1.0}, kNow, "", awake_now()}, kNow - std::chrono::hours(1)));  // the machine slept
}
