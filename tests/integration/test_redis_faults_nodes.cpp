// Masters and nodes: one frozen and thawed, one that comes late.
#include "support/quota_faults.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::faults;
using namespace std::chrono_literals;

TEST_CASE("the fence: a master that was frozen, replaced and thawed with a queued request grants nothing") {
    check_rule("no fence", [](bool broken) {
        const auto seams = breaking(broken, "following < q.replicas", "false");
        RedisServer old;
        const std::string port = std::to_string(old.port());
        const RedisServer::Setup follow{{"--replicaof", "127.0.0.1", port, "--repl-timeout", "2"}, nullptr, {}, false};
        RedisServer next(follow), other(follow);
        const auto follows = [](const RedisServer& server) {
            return server.ask({"INFO", "replication"}).text.find("master_link_status:up") != std::string::npos;
        };
        REQUIRE(wait_for([&] { return follows(next) && follows(other); }, 20s));
        Deeds deeds;
        SharedQuotaOptions with = options(old.url(), "b");
        with.rules.replicas = 1;
        QuotaNode b(deeds, 1, with, 0, caps, seams);
        skip_silence(old, b);
        old.process().signal(SIGSTOP);
        next.ask({"REPLICAOF", "NO", "ONE"});
        other.ask({"REPLICAOF", "127.0.0.1", std::to_string(next.port())});
        REQUIRE(wait_for([&] { return follows(other); }, 20s));
        with.redis = next.url();
        QuotaNode a(deeds, 0, with, 5000, caps, seams);
        b->wants = 5000.0;  // its requests queue up at the frozen master
        REQUIRE(wait_for([&] { return a->rate == cap; }, 20s));
        old.process().signal(SIGCONT);
        std::this_thread::sleep_for(2500ms);
        return judge(deeds.all());
    });
}

TEST_CASE("shares: whoever comes late gets as much as whoever came first, not what is left over") {
    for (const bool broken : {false, true}) {
        const auto seams = breaking(broken, "math.min(share, free)", "free");
        RedisServer server;
        Deeds deeds;
        QuotaNode a(deeds, 0, options(server.url(), "a"), 5000, caps, seams);
        skip_silence(server, a);
        REQUIRE(wait_for([&] { return a->rate == cap; }));
        QuotaNode b(deeds, 1, options(server.url(), "b"), 5000, caps, seams);
        const bool even =
            wait_for([&] { return std::abs(b->rate - cap / 2) < 1 && std::abs(a->rate - cap / 2) < 1; }, 2s);
        CHECK(even == !broken);
        CHECK(judge(deeds.all()).worst_sum <= cap + 0.01);
    }
}

TEST_CASE("a node that is frozen past its lease hands nothing over when it wakes") {
    RedisServer server;
    Deeds deeds;
    QuotaNode a(deeds, 0, options(server.url(), "a"), 5000, caps);
    skip_silence(server, a);
    REQUIRE(wait_for([&] { return a->rate == cap; }));
    QuotaNode b(deeds, 1, options(server.url(), "b"), 5000, caps);
    REQUIRE(wait_for([&] { return b->rate > 400; }));
    a.signal(SIGSTOP);
    const auto frozen = stamp();
    REQUIRE(wait_for([&] { return b->rate == cap; }));
    a.signal(SIGCONT);
    const auto thawed = stamp();
    REQUIRE(wait_for([&] { return std::abs(a->rate - cap / 2) < 1; }));
    const auto all = deeds.all();
    const Verdict verdict = judge(all);
    CHECK(verdict.worst_sum <= cap + 0.01);
    CHECK(verdict.worst_second <= cap * 1.04 + 2);
    for (const auto& deed : all)
        if (deed.node == 0 && !deed.is_rate && deed.at > frozen + 10'000'000) CHECK(deed.at > thawed);
}
