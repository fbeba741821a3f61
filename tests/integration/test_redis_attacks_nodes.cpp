// Nodes that misbehave: they ask for anything, change their minds all the time, or share a name.
#include <nlohmann/json.hpp>

#include "quota/redis_scripts.hpp"
#include "support/quota_faults.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::faults;
using namespace std::chrono_literals;

TEST_CASE("demand that swings or lies: never more out than the cap, and who asks steadily keeps its share") {
    const RedisServer server;
    Deeds deeds;
    QuotaNode steady(deeds, 0, options(server.url(), "a"), 5000, caps);
    skip_silence(server, steady);
    REQUIRE(wait_for([&] { return steady->rate == cap; }, 20s));
    QuotaNode swings(deeds, 1, options(server.url(), "b"), 0, caps),
        lies(deeds, 2, options(server.url(), "c"), 1e15, caps);
    REQUIRE(wait_for([&] { return std::abs(lies->rate - cap / 2) < 1; }, 20s));
    const auto began = stamp();
    for (int i = 0; i < 20; ++i) {
        swings->wants = i % 2 == 0 ? 5000.0 : 0.0;
        std::this_thread::sleep_for(i % 3 == 0 ? 350ms : 150ms);
    }
    const auto ended = stamp();
    swings->wants = 5000.0;
    const auto third = [](const QuotaNode& node) { return std::abs(node->rate - cap / 3) < 1; };
    CHECK(wait_for([&] { return third(steady) && third(swings) && third(lies); }, 20s));
    const nlohmann::json request = {{"replicas", 0}, {"lag", 2}, {"resources", {"acct:push"}}};
    const auto sums = nlohmann::json::parse(
        server.ask({"EVAL", quota::audit_script(), "1", quota::hash_key("test"), request.dump()}).text);
    const nlohmann::json& account = sums.at("resources").at("acct:push");
    CHECK(account.at("kept") == account.at("counted"));  // sums that come and go by the difference have not drifted
    CHECK(account.at("demand") == account.at("wants"));

    const auto all = deeds.all();
    const Verdict verdict = judge(all);
    CHECK(verdict.worst_sum <= cap + 0.01);
    CHECK(verdict.worst_second <= cap * 1.04 + verdict.nodes);
    double handed = 0;
    for (const auto& deed : all)
        if (!deed.is_rate && deed.node == 0 && deed.at >= began && deed.at < ended) handed += deed.value;
    if (!sanitized()) CHECK(handed > 0.8 * cap / 3 * static_cast<double>(ended - began) / 1e9);
}

TEST_CASE("two nodes of one name are two nodes; were they one to the store, each would have all of it") {
    check_rule("one id for two nodes", [](bool broken) {
        const std::string key = "local key = KEYS[1]";
        const auto seams = breaking(broken, key, key + "\nq.node = 'twin'");
        const RedisServer server;
        Deeds deeds;
        QuotaNode one(deeds, 0, options(server.url(), "twin"), 5000, caps, seams);
        skip_silence(server, one);
        REQUIRE(wait_for([&] { return one->rate == cap; }, 20s));
        QuotaNode other(deeds, 1, options(server.url(), "twin"), 5000, caps, seams);
        wait_for([&] { return other->rate > cap / 3; }, 5s);
        return judge(deeds.all());
    });
}
