// Orders that travel both ways, against a store that answers what the test says.
#include <doctest/doctest.h>

#include "delivery/sharing.hpp"
#include "tidegate/testing/manual_clock.hpp"

using namespace tidegate;
using namespace tidegate::delivery;

using State = QuotaOrder::State;

namespace {

struct FakeStore final : SharedQuota {
    QuotaView seen;
    std::vector<std::pair<std::string, QuotaChange>> ordered;

    void set_cap(const std::string&, Rate) override {}
    Result<std::vector<Lease>> renew(std::span<const Flow>, TimePoint) override { return std::vector<Lease>{}; }
    QuotaView view(TimePoint) const override { return seen; }
    void report(std::vector<CampaignPart>, bool) override {}
    void set_targets(std::map<std::string, Rate>, std::map<std::string, std::string>) override {}
    void order(const std::string& subject, const QuotaChange& what) override { ordered.emplace_back(subject, what); }
};

struct Rig {
    testing::ManualClock clock;
    Log log{{}};
    FakeStore* store = new FakeStore;
    Sharing sharing{std::unique_ptr<SharedQuota>(store), std::chrono::minutes(5), clock, log};
    Sharing::Backends backends;

    void tick() { sharing.exchange_orders({}, backends); }
    bool held() const { return sharing.domain_holds().has_value(); }
    void heard(State state, std::uint64_t generation) {
        store->seen.orders["domain"] = {state, Rate::unlimited(), generation};
    }
};

}  // namespace

TEST_CASE("what was ordered here goes out once and stands before what is heard while it is on its way") {
    Rig rig;
    rig.heard(State::run, 1);
    rig.tick();
    CHECK_FALSE(rig.held());
    rig.sharing.hold_domain(true);
    rig.tick();
    rig.tick();
    REQUIRE(rig.store->ordered.size() == 1);
    CHECK(rig.store->ordered[0] == std::pair<std::string, QuotaChange>("domain", {State::hold, {}}));
    rig.store->seen.untold["domain"] = {State::hold, {}};
    rig.heard(State::run, 2);
    rig.tick();
    CHECK(rig.held());
}

TEST_CASE("an order that turns out to have been carried out before what was heard does not outlive that") {
    Rig rig;
    rig.sharing.hold_domain(true);
    rig.tick();
    rig.store->seen.untold["domain"] = {State::hold, {}};  // its answer was lost
    rig.heard(State::run, 2);                              // and somebody took it back
    rig.tick();
    CHECK(rig.held());
    rig.store->seen.untold.clear();  // the repeat was answered with how things stand
    rig.tick();
    CHECK_FALSE(rig.held());
}

TEST_CASE("a rate on its way keeps no stop from being heard") {
    Rig rig;
    rig.store->seen.untold["domain"] = {{}, Rate{50}};
    rig.heard(State::hold, 1);
    rig.tick();
    CHECK(rig.held());
}
