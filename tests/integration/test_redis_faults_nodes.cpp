// Nodes: one that comes late, one frozen and thawed.
#include "support/quota_faults.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::faults;
using namespace std::chrono_literals;

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
