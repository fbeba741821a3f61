// Masters that were replaced and do not know it: frozen and thawed, or told late.
#include "support/quota_faults.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::faults;
using namespace std::chrono_literals;

namespace {

const std::pair<std::string, std::string> proof{"following < q.replicas and", "false and"};

}  // namespace

TEST_CASE("the fence: a master that was frozen, replaced and thawed with a queued request grants nothing") {
    check_rule("no fence", [](bool broken) {
        const auto seams = breaking(broken, {{"#acknowledged < q.replicas", "false"}, proof});
        RedisServer old;
        RedisServer next(replica_of(old.port())), other(replica_of(old.port()));
        REQUIRE(wait_for([&] { return follows(next) && follows(other); }, 20s));
        Deeds deeds;
        QuotaNode b(deeds, 1, guarded(old.url(), "b"), 0, caps, seams);
        skip_silence(old, b);
        old.process().signal(SIGSTOP);
        next.ask({"REPLICAOF", "NO", "ONE"});
        other.ask({"REPLICAOF", "127.0.0.1", std::to_string(next.port())});
        REQUIRE(wait_for([&] { return follows(other); }, 20s));
        QuotaNode a(deeds, 0, guarded(next.url(), "a"), 5000, caps, seams);
        b->wants = 5000.0;  // its requests queue up at the frozen master
        REQUIRE(wait_for([&] { return a->rate == cap; }, 20s));
        old.process().signal(SIGCONT);
        std::this_thread::sleep_for(4500ms);
        return judge(deeds.all());
    });
}

TEST_CASE("the fence: what replicas acknowledged before they left proves nothing when it arrives late") {
    check_rule("acknowledgements count as they arrive", [](bool broken) {
        const auto seams = breaking(broken, {proof});
        RedisServer old;
        RedisProxy link(old.port());
        RedisServer next(replica_of(link.port()));
        RedisServer other(replica_of(next.port()));
        REQUIRE(wait_for([&] { return follows(next) && follows(other); }, 20s));
        Deeds deeds;
        QuotaNode b(deeds, 1, guarded(old.url(), "b"), 5000, caps, seams);
        skip_silence(old, b);
        REQUIRE(wait_for([&] { return b->rate == cap; }, 20s));

        // A second's worth and more is on its way when it leaves.
        link.delay_requests(8s);
        std::this_thread::sleep_for(2500ms);
        next.ask({"REPLICAOF", "NO", "ONE"});
        QuotaNode a(deeds, 0, guarded(next.url(), "a"), 5000, caps, seams);
        REQUIRE(wait_for([&] { return a->rate == cap; }, 20s));
        std::this_thread::sleep_for(4s);
        return judge(deeds.all());
    });
}
