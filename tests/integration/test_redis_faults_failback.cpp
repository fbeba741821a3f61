// Replicas that a master had not heard of for a while: they were away, or only nobody asked.
#include "support/quota_by_hand.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::by_hand;
using namespace std::chrono_literals;

TEST_CASE("replicas that come back from a successor make their old master wait for its leases") {
    check_rule("who comes back was never away", [](bool broken) {
        const auto seams = breaking(broken, "#marks == 0 and get('syncs') == syncs", "#marks == 0");
        const auto patient = [](const RedisServer& server, const std::string& node) {
            SharedQuotaOptions made = guarded(server.url(), node);
            made.rules.lease = 4s;
            return made;
        };
        RedisServer old;
        RedisServer next(replica_of(old.port())), other(replica_of(old.port()));
        REQUIRE(wait_for([&] { return follows(next) && follows(other); }, 20s));
        Deeds deeds;
        {
            QuotaNode before(deeds, 0, patient(old, "before"), 5000, caps, seams);
            skip_silence(old, before);
            REQUIRE(wait_for([&] { return before->rate == cap; }, 20s));
        }
        next.ask({"REPLICAOF", "NO", "ONE"});
        other.ask({"REPLICAOF", "127.0.0.1", std::to_string(next.port())});
        QuotaNode a(deeds, 1, patient(next, "a"), 5000, caps, seams);
        REQUIRE(wait_for([&] { return a->rate == cap; }, 30s));  // a silence, longer than any proof lasts
        other.ask({"REPLICAOF", "127.0.0.1", std::to_string(old.port())});
        REQUIRE(wait_for([&] { return follows(other); }, 20s));
        QuotaNode b(deeds, 2, patient(old, "b"), 5000, caps, seams);
        REQUIRE(wait_for([&] { return b->rate == cap; }, 30s));
        return judge(deeds.all());
    });
}

TEST_CASE("a domain with replicas that was idle waits for them, not for leases, and stays in its epoch") {
    RedisServer server;
    RedisServer replica(replica_of(server.port()));
    REQUIRE(wait_for([&] { return follows(replica); }, 20s));
    Nodes nodes;
    nodes.push_back(std::make_unique<Node>(guarded(server.url(), "a"), 300, cap));
    open_domain(server, nodes);
    REQUIRE(until(nodes, [&] { return nodes[0]->rate() == 300; }));
    const auto epoch = nodes[0]->view().epoch;
    nodes.clear();
    std::this_thread::sleep_for(3500ms);  // longer than any proof lasts
    nodes.push_back(std::make_unique<Node>(guarded(server.url(), "b"), 300, cap));
    Duration quiet{};
    CHECK(until(
        nodes, [&] { return nodes[0]->rate() == 300; }, [&] { quiet = std::max(quiet, nodes[0]->view().quiet); }));
    CHECK(quiet > 1s);
    CHECK(quiet <= 1200ms);
    CHECK(nodes[0]->view().epoch == epoch);
}
