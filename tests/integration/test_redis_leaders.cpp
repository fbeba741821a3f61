// Two nodes that both believe they lead: the cap stands whatever they say, and one of them gives way.
#include <nlohmann/json.hpp>

#include "support/domain_node.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::domain;
using namespace std::chrono_literals;

namespace {

constexpr double account = 150;  // of both, whatever leaders say

/// A node that also claims the account, and both campaigns of which may have all that is left of it.
struct Claimant : Node {
    Claimant(const SharedQuotaOptions& with, const std::string& campaign) : Node(with, campaign, true) {
        flows[0].resources.emplace_back("acct:push");
        quota->set_cap("acct:push", Rate{account});
    }
    bool leads() const { return view().leads; }
    /// As long as it believes that it leads it says this.
    void says(double spring, double autumn) const {
        quota->set_targets({{"camp:spring", Rate{spring}}, {"camp:autumn", Rate{autumn}}}, {});
    }
};

/// A lease of five renewals, so that whoever is not heard of for two of them still believes what it did.
SharedQuotaOptions patient(const std::string& url, const std::string& node) {
    SharedQuotaOptions made = options(url, node);
    made.rules.lease = 2500ms;
    return made;
}

struct Two {
    RedisServer server;
    RedisProxy proxy{server.port()};
    Claimant a{patient(proxy.url(), "a"), "spring"}, b{patient(server.url(), "b"), "autumn"};
    double worst = 0;

    Two() {
        REQUIRE(until({&a}, [&] { return a.leads(); }));
        REQUIRE(until({&a, &b}, [&] { return a.view().campaigns.size() == 2 && b.view().reachable; }));
        end_silence(server);
        a.says(90, 60);
        REQUIRE(watched([&] { return a.rate() == 90.0 && b.rate() == 60.0; }));
    }
    template <class Condition>
    bool watched(Condition condition, std::vector<Node*> ticking = {}) {
        if (ticking.empty()) ticking = {&a, &b};
        return until(
            ticking,
            [&] {
                worst = std::max(worst, a.rate() + b.rate());
                return condition();
            },
            20s);
    }
};

}  // namespace

TEST_CASE("the leader's name is changed under its feet: for a moment two lead, then one, and never more than the cap") {
    Two two;
    const std::string key = quota::hash_key("test");
    auto leader = nlohmann::json::parse(two.server.ask({"HGET", key, "leader"}).text);
    leader["n"] = two.b.view().node;
    leader["t"] = leader["t"].get<int>() + 1;
    two.server.ask({"HSET", key, "leader", leader.dump()});
    two.b.says(1000, 1000);
    two.a.says(1000, 1000);
    CHECK(two.watched([&] { return two.b.leads(); }, {&two.b}));
    CHECK(two.a.leads());  // it has not heard of it yet
    CHECK(two.watched([&] { return !two.a.leads(); }));
    CHECK(two.b.leads());
    CHECK(two.a.view().term == two.b.view().term);
    CHECK(two.a.view().leader == two.b.view().node);
    two.b.says(20, 30);
    two.a.says(1000, 1000);  // nobody listens any more
    CHECK(two.watched([&] { return two.a.rate() == 20.0 && two.b.rate() == 30.0; }));
    CHECK_FALSE(until(
        {&two.a, &two.b}, [&] { return two.a.leads() || !two.b.leads() || two.a.rate() != 20.0; }, 2s));
    CHECK(two.worst <= account + 0.01);
}

TEST_CASE("a leader that stalled wakes up and its last word arrives late: whoever leads by then is not disturbed") {
    Two two;
    two.a.says(140, 140);
    two.proxy.set(RedisProxy::hold);
    CHECK(two.watched([&] { return two.proxy.held() > 0; }));
    // From here on it does nothing; its request with targets waits in the network.
    CHECK(two.watched([&] { return two.b.leads(); }, {&two.b}));
    CHECK_FALSE(two.a.leads());
    CHECK(two.b.view().term == 2);
    two.b.says(50, 70);
    CHECK(two.watched([&] { return two.b.rate() == 70.0; }, {&two.b}));
    two.proxy.set(RedisProxy::pass);
    two.proxy.release();
    bool heard = false;
    CHECK(two.watched([&] {
        const std::string targets = two.server.ask({"HGET", quota::hash_key("test"), "targets"}).text;
        heard = heard || targets.find("140000") != std::string::npos;
        return two.a.rate() == 50.0;
    }));
    CHECK_FALSE(heard);
    CHECK(two.a.view().leader == two.b.view().node);
    CHECK(two.a.view().term == 2);
    CHECK_FALSE(until(
        {&two.a, &two.b}, [&] { return two.a.leads() || two.a.rate() != 50.0 || two.b.rate() != 70.0; }, 2s));
    CHECK(two.worst <= account + 0.01);
}

TEST_CASE("the last word of a leader that is gone arrives when nobody leads: nobody sends by it") {
    Two two;
    two.b.sees_backends = false;  // it cannot take over
    two.a.says(70, 70);
    two.proxy.set(RedisProxy::hold);
    CHECK(two.watched([&] { return two.proxy.held() > 0; }));
    // The targets run out, and so does the term; then the request comes that says both anew.
    CHECK(two.watched([&] { return two.b.rate() == 0 && two.b.view().leader.empty(); }, {&two.b}));
    CHECK_FALSE(until(
        {&two.b}, [&] { return two.b.rate() > 0; }, 1s));
    two.proxy.release();
    CHECK_FALSE(until(
        {&two.b}, [&] { return two.b.rate() > 0; }, 4s));
    // Back in person it leads at once or with its second request.
    two.proxy.set(RedisProxy::pass);
    CHECK(two.watched([&] { return two.a.leads() && two.a.rate() == 70.0 && two.b.rate() == 70.0; }));
}
