// Clocks: the server's leaps, answers come late, somebody sets the wall clock.
#include <fcntl.h>

#include "support/quota_faults.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::faults;
using namespace std::chrono_literals;

TEST_CASE("the virtual clock: the server's clock leaps an hour, twice within one lease") {
    check_rule("no clock clamp", [](bool broken) {
        // Both clamps: by the longest step, and by what passed on the caller's own clock.
        const auto seams = breaking(broken, {{"math.min(now - num('last'), q.step)", "now - num('last')"},
                                             {"if entry and q.since >= 0 then", "if false then"}});
        const TempDir dir;
        const std::string file = dir.write("offset", std::string(sizeof(long), '\0'));
        RedisServer::Setup setup;
        setup.environment = {{"LD_PRELOAD", bin_dir() + "/tidegate-clock-shim.so"}, {"TIDEGATE_CLOCK_OFFSET", file}};
        RedisServer server(setup);
        const auto leap = [&](long seconds) {
            const int out = ::open(file.c_str(), O_WRONLY);
            CHECK(::pwrite(out, &seconds, sizeof seconds, 0) == sizeof seconds);
            ::close(out);
        };
        const auto told = [&] { return std::stoll(server.ask({"TIME"}).items.at(0).text); };
        Deeds deeds;
        RedisProxy proxy(server.port());
        QuotaNode a(deeds, 0, options(proxy.url(), "a"), 5000, caps, seams);
        skip_silence(server, a);
        REQUIRE(wait_for([&] { return a->rate == cap; }));
        QuotaNode b(deeds, 1, options(server.url(), "b"), 5000, caps, seams);
        REQUIRE(wait_for([&] { return b->calls > 1; }));
        proxy.set(RedisProxy::hold);  // `a` is cut off with a fresh lease
        const auto before = told();
        leap(3600);
        CHECK(told() - before >= 3600);
        std::this_thread::sleep_for(500ms);
        leap(7200);
        std::this_thread::sleep_for(2s);
        return judge(deeds.all());
    });
}

TEST_CASE("a lease counts from the sending of its request, however late the answer came") {
    check_rule("expiry from the answer", [](bool broken) {
        quota::RedisQuotaSeams seams;
        seams.broken.expiry_from_answer = broken;
        RedisServer server;
        Deeds deeds;
        RedisProxy proxy(server.port());
        SharedQuotaOptions slow = options(proxy.url(), "a");
        slow.connect_timeout = 4s;
        slow.reply_timeout = 750ms;
        // The margin for clock steps would cover an answer as late as this one; without steps it is not there to help.
        slow.rules.clock_step = 200ms;
        SharedQuotaOptions quick = options(server.url(), "b");
        quick.rules.clock_step = 200ms;
        quick.rules.renew = 100ms;
        QuotaNode a(deeds, 0, slow, 5000, caps, seams);
        skip_silence(server, a);
        REQUIRE(wait_for([&] { return a->rate == cap; }));
        proxy.delay_answers(690ms);
        QuotaNode b(deeds, 1, quick, 0, caps, seams);
        REQUIRE(wait_for([&] { return b->calls > 2; }));
        const auto calls = a->calls.load();
        REQUIRE(wait_for([&] { return a->calls > calls + 1; }));  // the latest one's answer is on its way
        b->wants = 5000.0;
        proxy.set(RedisProxy::hold);
        std::this_thread::sleep_for(2500ms);
        return judge(deeds.all());
    });
}

TEST_CASE("a lease counts on a clock that nobody sets") {
    check_rule("wall-clock expiry", [](bool broken) {
        quota::RedisQuotaSeams seams;
        if (broken) seams.clock = wall_clock_mark;
        RedisServer server;
        Deeds deeds;
        RedisProxy proxy(server.port());
        QuotaNode a(deeds, 0, options(proxy.url(), "a"), 5000, caps, seams);
        skip_silence(server, a);
        REQUIRE(wait_for([&] { return a->rate == cap; }));
        QuotaNode b(deeds, 1, options(server.url(), "b"), 5000, caps);
        REQUIRE(wait_for([&] { return b->calls > 0; }));
        proxy.set(RedisProxy::hold);
        a->clock_offset = -std::chrono::nanoseconds(1h).count();
        std::this_thread::sleep_for(3s);
        return judge(deeds.all());
    });
}
