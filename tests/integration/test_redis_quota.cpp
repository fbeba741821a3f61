// Rate leases against a real redis-server, driven by hand from one thread.
#include <nlohmann/json.hpp>

#include "quota/redis_scripts.hpp"
#include "support/quota_by_hand.hpp"
#include "tidegate/quota/quota_state.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::by_hand;
using namespace std::chrono_literals;

namespace {

SharedQuotaOptions options(const RedisServer& server, const std::string& node) {
    SharedQuotaOptions made;
    made.redis = server.url();
    made.domain = "test";
    made.node = node;
    return made;
}

nlohmann::json audit(const RedisServer& server, const std::vector<std::string>& resources = {}) {
    const nlohmann::json request = {{"replicas", 0}, {"lag", 2}, {"resources", resources}};
    const auto reply = server.ask({"EVAL", quota::audit_script(), "1", quota::hash_key("test"), request.dump()});
    REQUIRE_MESSAGE(!reply.is_error(), reply.text);
    return nlohmann::json::parse(reply.text);
}

/// A fresh domain is silent for a while; most tests are not about that.
void skip_silence(const RedisServer& server) {
    server.ask({"HSET", quota::hash_key("test"), "quiet", "0"});
}

Flow flow(const std::string& id, double wants, int priority = 5) {
    return {id, {"camp:" + id, "acct:push"}, priority, Rate{wants}, {}};
}

}  // namespace

TEST_CASE("a new domain is silent until every lease that could exist has run out, then grants what is wanted") {
    const RedisServer server;
    Node a(options(server, "a"), {flow("spring", 400)}, {{"acct:push", 1000}});
    REQUIRE(until({&a}, [&] { return a.quota->view(system_clock().now()).reachable; }));
    CHECK(a.rate() == 0.0);
    CHECK(a.quota->view(system_clock().now()).quiet > 3s);
    CHECK(a.quota->view(system_clock().now()).quiet <= 4130ms);
    const auto began = std::chrono::steady_clock::now();
    REQUIRE(until({&a}, [&] { return a.rate() == 400.0; }));
    CHECK(std::chrono::steady_clock::now() - began > 3s);
    CHECK(a.quota->view(system_clock().now()).leads);
    const auto seen = audit(server);
    CHECK(seen["resources"]["acct:push"]["kept"] == 400'000);
    CHECK(seen["resources"]["acct:push"]["counted"] == 400'000);
    CHECK(seen["nodes"].size() == 1);
}

TEST_CASE("nodes that want all of it share it evenly, whoever asked first, and one that stops leaves its part") {
    const RedisServer server;
    const std::map<std::string, double> caps{{"acct:push", 900}};
    Node a(options(server, "a"), {flow("spring", 5000)}, caps);
    until({&a}, [&] { return a.quota->view(system_clock().now()).reachable; });
    skip_silence(server);
    REQUIRE(until({&a}, [&] { return a.rate() == 900.0; }));
    const auto joined = std::chrono::steady_clock::now();
    Node b(options(server, "b"), {flow("spring", 5000)}, caps), c(options(server, "c"), {flow("autumn", 100)}, caps);
    REQUIRE(until({&a, &b, &c},
                  [&] { return std::abs(a.rate() - 400) < 1 && std::abs(b.rate() - 400) < 1 && c.rate() == 100.0; }));
    CHECK(std::chrono::steady_clock::now() - joined < 4s);
    const auto left = std::chrono::steady_clock::now();
    b.quota.reset();  // early return
    REQUIRE(until({&a, &c}, [&] { return std::abs(a.rate() - 800) < 1; }));
    CHECK(std::chrono::steady_clock::now() - left < 2s);
    CHECK(audit(server)["resources"]["acct:push"]["kept"] == audit(server)["resources"]["acct:push"]["counted"]);
}

TEST_CASE("priority decides, a floor stays for whoever waits, and every resource of a flow is kept at once") {
    const RedisServer server;
    const std::map<std::string, double> caps{{"acct:push", 1000}, {"be:app", 300}};
    Flow urgent = flow("urgent", 5000, 9);
    urgent.resources.push_back("be:app");
    urgent.takes = {1, 1, 0.5};
    Node a(options(server, "a"), {urgent}, caps), b(options(server, "b"), {flow("patient", 350, 2)}, caps);
    until({&a, &b}, [&] { return b.quota->view(system_clock().now()).reachable; });
    skip_silence(server);
    // Together they leave some of the account unused, so only the backend can be what limits `urgent`.
    REQUIRE(until({&a, &b}, [&] { return std::abs(a.rate() - 600) < 1 && b.rate() == 350.0; }));
    CHECK(a.leases[0].limited_by == "be:app");
    b.flows[0].wants = Rate{5000};
    REQUIRE(until({&a, &b}, [&] { return b.rate() > 390 && b.rate() <= 400; }));  // what `urgent` cannot use
    const nlohmann::json sums = audit(server);
    for (const auto& entry : sums.at("resources").items()) {
        CAPTURE(entry.key());
        const nlohmann::json& resource = entry.value();
        CHECK(resource["kept"] == resource["counted"]);
        if (resource["cap"] >= 0) CHECK(resource["kept"] <= resource["cap"]);
    }
}

TEST_CASE(
    "a pause reaches every node at once, resuming and a lower rate too, and abort is final and survives FLUSHALL") {
    const RedisServer server;
    const std::map<std::string, double> caps{{"acct:push", 1000}};
    Node a(options(server, "a"), {flow("spring", 300)}, caps),
        b(options(server, "b"), {flow("spring", 300), flow("autumn", 50)}, caps);
    until({&a, &b}, [&] { return b.quota->view(system_clock().now()).reachable; });
    skip_silence(server);
    const auto both = [&](double rate) { return [&, rate] { return a.rate() == rate && b.rate() == rate; }; };
    REQUIRE(until({&a, &b}, both(300)));
    using State = QuotaOrder::State;
    a.quota->order("camp:spring", {State::pause});
    auto since = std::chrono::steady_clock::now();
    REQUIRE(until({&a, &b}, both(0)));
    if (!sanitized()) CHECK(std::chrono::steady_clock::now() - since < 500ms);
    CHECK(b.rate(1) == 50.0);
    b.quota->order("camp:spring", {State::run, Rate{100}});
    REQUIRE(until({&a, &b}, [&] { return a.rate() + b.rate() > 99.0; }));
    CHECK(a.rate() + b.rate() <= 100.0);
    a.quota->order("camp:spring", {State::abort});
    a.quota->order("domain", {State::hold});
    REQUIRE(until({&a, &b}, both(0)));
    REQUIRE(until({&a, &b}, [&] { return b.rate(1) == 0.0; }));
    b.quota->order("camp:spring", {State::run});
    server.ask({"FLUSHALL"});
    REQUIRE(until({&a, &b}, [&] { return a.quota->view(system_clock().now()).epoch >= 2; }));
    skip_silence(server);
    b.quota->order("domain", {State::run});
    REQUIRE(until({&a, &b}, [&] { return b.rate(1) == 50.0; }));
    CHECK(a.rate() == 0.0);
    CHECK(b.rate() == 0.0);
    CHECK(a.quota->view(system_clock().now()).orders.at("camp:spring").state == State::abort);
}

TEST_CASE(
    "an order from outside changes only what it names, and after FLUSHALL it is newer than what nodes bring back") {
    const RedisServer server;
    Node a(options(server, "a"), {flow("spring", 300)}, {{"acct:push", 1000}});
    until({&a}, [&] { return a.quota->view(system_clock().now()).reachable; });
    skip_silence(server);
    REQUIRE(until({&a}, [&] { return a.rate() == 300.0; }));
    using State = QuotaOrder::State;
    const auto order = [&](const QuotaChange& change) {
        return bool(send_quota_order(options(server, "operator"), "camp:spring", change, 5s));
    };
    const auto standing = [&] {
        const auto orders = a.quota->view(system_clock().now()).orders;
        const auto found = orders.find("camp:spring");
        return found == orders.end() ? QuotaOrder{} : found->second;
    };
    REQUIRE(order({.state = State::pause}));
    REQUIRE(order({.rate = Rate{100}}));
    REQUIRE(until({&a}, [&] { return standing().rate == Rate{100}; }));
    CHECK(standing().state == State::pause);
    CHECK(a.rate() == 0.0);
    REQUIRE(order({.state = State::run}));
    REQUIRE(until({&a}, [&] { return a.rate() == 100.0; }));

    std::this_thread::sleep_for(5ms);  // a new memory knows older orders by the millisecond
    server.ask({"FLUSHALL"});
    REQUIRE(order({.state = State::pause}));  // the node has not told its older order again yet
    REQUIRE(until({&a}, [&] { return a.quota->view(system_clock().now()).epoch >= 2; }));
    skip_silence(server);
    CHECK_FALSE(until(
        {&a}, [&] { return a.rate() > 0.0; }, [] {}, 2s));
    CHECK(standing().state == State::pause);
}

TEST_CASE("a lost script, a lost key and an older copy of it are each noticed") {
    const RedisServer server;
    Node a(options(server, "a"), {flow("spring", 300)}, {{"acct:push", 1000}});
    until({&a}, [&] { return a.quota->view(system_clock().now()).reachable; });
    skip_silence(server);
    REQUIRE(until({&a}, [&] { return a.rate() == 300.0; }));
    const auto epoch = [&] { return a.quota->view(system_clock().now()).epoch; };
    CHECK(epoch() == 1);
    const std::string copy = server.ask({"DUMP", quota::hash_key("test")}).text;
    server.ask({"SCRIPT", "FLUSH"});
    const auto calls = a.quota->view(system_clock().now()).calls;
    REQUIRE(until({&a}, [&] { return a.quota->view(system_clock().now()).calls > calls + 1; }));
    CHECK(a.rate() == 300.0);
    CHECK(epoch() == 1);
    server.ask({"DEL", quota::hash_key("test")});
    REQUIRE(until({&a}, [&] { return epoch() == 2; }));
    CHECK(a.rate() == 0.0);
    skip_silence(server);
    REQUIRE(until({&a}, [&] { return a.rate() == 300.0; }));
    server.ask({"RESTORE", quota::hash_key("test"), "0", copy, "REPLACE"});
    REQUIRE(until({&a}, [&] { return epoch() == 3; }));
    CHECK(a.rate() == 0.0);
}

TEST_CASE("targets of the leader bind everybody, and a resource it once steered grants nothing after its term") {
    const RedisServer server;
    SharedQuotaOptions follower = options(server, "b");
    follower.may_lead = false;
    const std::map<std::string, double> caps{{"acct:push", 1000}};
    Node a(options(server, "a"), {flow("spring", 10)}, caps), b(follower, {flow("autumn", 600)}, caps);
    until({&a, &b},
          [&] { return a.quota->view(system_clock().now()).leads && b.quota->view(system_clock().now()).reachable; });
    skip_silence(server);
    REQUIRE(until({&a, &b}, [&] { return b.rate() == 600.0; }));
    b.quota->set_targets({{"camp:autumn", Rate{999}}}, {});  // it does not lead: nobody listens
    a.quota->set_targets({{"camp:autumn", Rate{70}}}, {});
    REQUIRE(until({&a, &b}, [&] { return b.rate() == 70.0; }));
    CHECK(b.quota->view(system_clock().now()).leader.starts_with("a#"));
    a.quota.reset();
    const auto gone = std::chrono::steady_clock::now();
    a.quota = nullptr;
    REQUIRE(until({&b}, [&] { return b.rate() == 0.0; }));
    CHECK(std::chrono::steady_clock::now() - gone < 6s);
}

TEST_CASE("Redis away: the lease runs out, nothing is granted, and the rate comes back without a burst") {
    RedisServer server;
    Node a(options(server, "a"), {flow("spring", 300)}, {{"acct:push", 1000}});
    until({&a}, [&] { return a.quota->view(system_clock().now()).reachable; });
    skip_silence(server);
    REQUIRE(until({&a}, [&] { return a.rate() == 300.0; }));
    server.process().signal(SIGSTOP);
    const auto away = std::chrono::steady_clock::now();
    REQUIRE(until({&a}, [&] { return a.rate() == 0.0; }));
    CHECK(std::chrono::steady_clock::now() - away < 3100ms);
    CHECK(std::chrono::steady_clock::now() - away > 1700ms);
    CHECK_FALSE(a.quota->view(system_clock().now()).reachable);
    CHECK_FALSE(a.quota->view(system_clock().now()).trouble.empty());
    server.process().signal(SIGCONT);
    REQUIRE(until({&a}, [&] { return a.rate() == 300.0; }));
    CHECK(a.quota->view(system_clock().now()).epoch == 1);
}

TEST_CASE("it all works over TLS as a user with the documented rights alone") {
    const TempDir dir;
    const TestCertificates certificates(dir);
    RedisServer::Setup setup;
    setup.tls = &certificates;
    const RedisServer server(setup);
    REQUIRE_FALSE(server.ask(quota_acl("tide", "s3cret")).is_error());
    SharedQuotaOptions with = options(server, "a");
    with.redis = server.url("tide");
    with.password = Secret("s3cret");
    with.ca = certificates.ca_file;
    Node a(with, {flow("spring", 300)}, {{"acct:push", 1000}});
    until({&a}, [&] { return a.quota->view(system_clock().now()).reachable; });
    skip_silence(server);
    REQUIRE(until({&a}, [&] { return a.rate() == 300.0; }));
    a.quota->order("camp:spring", {QuotaOrder::State::pause});
    REQUIRE(until({&a}, [&] { return a.rate() == 0.0; }));
    // A password that was changed ends the session; leases run out and the reason is told.
    server.ask({"ACL", "SETUSER", "tide", "resetpass", ">new"});
    server.ask({"CLIENT", "KILL", "USER", "tide"});
    REQUIRE(
        until({&a}, [&] { return a.quota->view(system_clock().now()).trouble.find("password") != std::string::npos; }));
}

TEST_CASE("Redis down, a wrong password and a bad address are told at the start") {
    SharedQuotaOptions with;
    with.domain = "test";
    with.redis = "redis://127.0.0.1:" + std::to_string(free_port());
    const auto down = make_redis_quota(with, 300ms);
    REQUIRE_FALSE(down);
    CHECK(down.error().code == Errc::unavailable);
    with.redis = "memcached://x";
    CHECK(make_redis_quota(with, 300ms).error().code == Errc::invalid);
}

TEST_CASE("every kind of error answer is no grant, and what was granted runs out") {
    const RedisServer server;
    Node a(options(server, "a"), {flow("spring", 300)}, {{"acct:push", 1000}});
    until({&a}, [&] { return a.quota->view(system_clock().now()).reachable; });
    skip_silence(server);
    REQUIRE(until({&a}, [&] { return a.rate() == 300.0; }));
    struct Case {
        std::vector<std::string> wrong, right;
        std::string code;
    };
    for (const Case& one :
         {Case{{"CONFIG", "SET", "maxmemory", "1"}, {"CONFIG", "SET", "maxmemory", "0"}, "OOM"},
          Case{{"CONFIG", "SET", "min-replicas-to-write", "1"},
               {"CONFIG", "SET", "min-replicas-to-write", "0"},
               "NOREPLICAS"},
          Case{{"ACL", "SETUSER", "default", "-evalsha", "-eval"}, {"ACL", "SETUSER", "default", "+@all"}, "NOPERM"}}) {
        CAPTURE(one.code);
        REQUIRE_FALSE(server.ask(one.wrong).is_error());
        CHECK(until({&a},
                    [&] { return a.quota->view(system_clock().now()).trouble.find(one.code) != std::string::npos; }));
        CHECK(until({&a}, [&] { return a.rate() == 0.0; }));
        REQUIRE_FALSE(server.ask(one.right).is_error());
        CHECK(until({&a}, [&] { return a.rate() == 300.0; }));
    }
}

TEST_CASE("an order that Redis answers with an error is told and costs no renewal") {
    const RedisServer server;
    Node a(options(server, "a"), {flow("spring", 300)}, {{"acct:push", 1000}});
    until({&a}, [&] { return a.quota->view(system_clock().now()).reachable; });
    skip_silence(server);
    REQUIRE(until({&a}, [&] { return a.rate() == 300.0; }));
    REQUIRE_FALSE(server.ask({"HSET", quota::hash_key("test"), "told", "no list"}).is_error());
    a.quota->order("camp:autumn", {QuotaOrder::State::pause});
    const auto trouble = [&] { return a.quota->view(system_clock().now()).trouble; };
    REQUIRE(until({&a}, [&] { return trouble().find("'camp:autumn'") != std::string::npos; }));
    CHECK_FALSE(until(
        {&a}, [&] { return a.rate() != 300.0; }, [] {}, 3500ms));  // longer than a lease
    CHECK(a.quota->view(system_clock().now()).reachable);
    REQUIRE_FALSE(server.ask({"HDEL", quota::hash_key("test"), "told"}).is_error());
    CHECK(until({&a}, [&] { return trouble().empty(); }));
    CHECK(a.quota->view(system_clock().now()).orders.at("camp:autumn").state == QuotaOrder::State::pause);
}
