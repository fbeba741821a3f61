// What the store remembers: sequence numbers, what is held, and that it lost its memory.
#include "support/quota_faults.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::faults;
using namespace std::chrono_literals;

TEST_CASE("sequence numbers: a request that was held back must not undo a later one") {
    check_rule("no sequence check", [](bool broken) {
        const auto seams = breaking(broken, "q.seq <= newest", "false");
        RedisServer server;
        Deeds deeds;
        RedisProxy proxy(server.port());
        QuotaNode a(deeds, 0, options(proxy.url(), "a"), 10, caps, seams);
        skip_silence(server, a);
        REQUIRE(wait_for([&] { return a->rate == 10.0; }));
        proxy.set(RedisProxy::hold);  // "I want 10 and use 10" stays here
        REQUIRE(wait_for([&] { return proxy.held() > 0; }));
        proxy.set(RedisProxy::pass);
        a->wants = 5000.0;
        REQUIRE(wait_for([&] { return a->rate > 900.0; }));
        QuotaNode b(deeds, 1, options(server.url(), "b"), 5000, caps, seams);
        proxy.release();
        std::this_thread::sleep_for(1200ms);
        return judge(deeds.all());
    });
}

TEST_CASE("held = max(using, granted): a grant whose answer was lost frees nothing") {
    check_rule("held = granted", [](bool broken) {
        const auto seams = breaking(broken, "math.max(flow.u, rate)", "rate");
        RedisServer server;
        Deeds deeds;
        RedisProxy proxy(server.port());
        QuotaNode a(deeds, 0, options(proxy.url(), "a"), 5000, caps, seams);
        skip_silence(server, a);
        REQUIRE(wait_for([&] { return a->rate == cap; }));
        QuotaNode b(deeds, 1, options(server.url(), "b"), 5000, caps, seams);
        REQUIRE(wait_for([&] { return b->calls > 0; }));
        proxy.set(RedisProxy::drop_answers);
        std::this_thread::sleep_for(2500ms);
        return judge(deeds.all());
    });
}

TEST_CASE("quiesce: a store that lost its memory waits out every lease it forgot") {
    check_rule("no quiesce", [](bool broken) {
        const auto seams = breaking(broken, "fmt(v + quiesce)", "fmt(v)");
        RedisServer server;
        Deeds deeds;
        RedisProxy proxy(server.port());
        QuotaNode a(deeds, 0, options(proxy.url(), "a"), 5000, caps, seams);
        skip_silence(server, a);
        REQUIRE(wait_for([&] { return a->rate == cap; }));
        QuotaNode b(deeds, 1, options(server.url(), "b"), 5000, caps, seams);
        REQUIRE(wait_for([&] { return b->calls > 0; }));
        proxy.set(RedisProxy::hold);
        server.ask({"FLUSHALL"});
        std::this_thread::sleep_for(2500ms);
        return judge(deeds.all());
    });
}
