// What the bound rests on: each rule is taken away once, and the judge must see the overshoot that the rule prevents.
// Nodes, proxies and servers are processes; time is halved (a lease of 1.5 s), so that it all fits into a minute.
#include <doctest/doctest.h>

#include <fcntl.h>

#include <cstdlib>
#include <optional>

#include "support/places.hpp"
#include "support/quota_rig.hpp"
#include "support/redis_proxy.hpp"
#include "support/redis_server.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

constexpr double cap = 1000;
const std::map<std::string, double> caps{{"acct:push", cap}};

SharedQuotaOptions options(const std::string& url, const std::string& node) {
    SharedQuotaOptions made;
    made.redis = url;
    made.domain = "test";
    made.node = node;
    made.rules.lease = 1500ms;
    made.rules.renew = 500ms;
    made.rules.clock_step = 500ms;
    made.connect_timeout = 300ms;
    made.reply_timeout = 250ms;
    return made;
}

/// Takes one rule out of the script; the text must be there, or the test would prove nothing.
std::function<std::string(std::string)> without(const std::string& rule, const std::string& instead) {
    return [=](std::string script) {
        const auto at = script.find(rule);
        if (at == std::string::npos || script.find(rule, at + 1) != std::string::npos) std::abort();
        return script.replace(at, rule.size(), instead);
    };
}

quota::RedisQuotaSeams breaking(bool broken, const std::string& rule, const std::string& instead) {
    quota::RedisQuotaSeams seams;
    if (broken) seams.script = without(rule, instead);
    return seams;
}

template <class Condition>
bool wait_for(Condition condition, std::chrono::milliseconds limit = 8s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

/// The first lease of a fresh hash waits for all that could be older; here nothing is.
void skip_silence(const RedisServer& server, const QuotaNode&) {
    wait_for([&] { return server.ask({"HEXISTS", quota::hash_key("test"), "quiet"}).integer == 1; });
    server.ask({"HSET", quota::hash_key("test"), "quiet", "0"});
}

/// Runs the scene with its rule and without it. Chance (a busy machine) may let a broken rule go unpunished, so that
/// side gets three tries; the whole one has to hold at once.
void check_rule(const std::string& name, const std::function<Verdict(bool broken)>& scene) {
    const Verdict whole = scene(false);
    MESSAGE(name << ": with the rule " << whole.worst_sum << "/s at once, " << whole.worst_second << " in a second");
    CHECK(whole.worst_sum <= cap + 0.01);
    CHECK(whole.worst_second <= cap * 1.04 + whole.nodes);
    CHECK(whole.handed_over > 0);
    if (sanitized()) return;  // too slow for what comes next: whether the fault bites is a matter of milliseconds
    Verdict broken;
    for (int attempt = 0; attempt < 3 && broken.worst_sum <= cap * 1.02; ++attempt) broken = scene(true);
    MESSAGE(name << ": without it " << broken.worst_sum << "/s at once, " << broken.worst_second << " in a second");
    CHECK(broken.worst_sum > cap * 1.02);
}

}  // namespace

TEST_CASE("sequence numbers: a request that was held back must not undo a later one") {
    check_rule("no sequence check", [](bool broken) {
        const auto seams = breaking(broken, "q.seq <= entry.s", "false");
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

TEST_CASE("the virtual clock: the server's clock leaps an hour, twice within one lease") {
    check_rule("no clock clamp", [](bool broken) {
        // Both clamps: by the longest step, and by what passed on the caller's own clock.
        quota::RedisQuotaSeams seams;
        if (broken) {
            seams.script = [](std::string script) {
                script = without("math.min(now - num('last'), q.step)", "now - num('last')")(std::move(script));
                return without("if entry and q.since >= 0 then", "if false then")(std::move(script));
            };
        }
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

TEST_CASE("quiesce: a store that lost its memory waits out every lease it forgot") {
    check_rule("no quiesce", [](bool broken) {
        const auto seams = breaking(broken, "fmt(v + q.quiesce)", "fmt(v)");
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
