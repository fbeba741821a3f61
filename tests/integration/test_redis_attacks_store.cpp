// A store that answers, but not well: with errors, late because of somebody else, or to another password.
#include "support/quota_by_hand.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::by_hand;
using namespace std::chrono_literals;

namespace {

/// A command whose answer nobody waits for until the end of the scope.
class Tenant {
  public:
    Tenant(const RedisServer& server, std::vector<std::string> command)
        : thread_([&server, asks = std::move(command)] { server.ask(asks); }) {}
    Tenant(const Tenant&) = delete;
    Tenant& operator=(const Tenant&) = delete;
    ~Tenant() { thread_.join(); }

  private:
    std::thread thread_;
};

}  // namespace

TEST_CASE("whatever error Redis answers with: no grant, a reason, and all is well again when it stops") {
    const RedisServer server;
    const std::vector<std::string> codes{"LOADING",     "BUSY",    "READONLY",   "MASTERDOWN", "MOVED",  "ASK",
                                         "CLUSTERDOWN", "MISCONF", "OOM",        "NOREPLICAS", "NOPERM", "NOAUTH",
                                         "WRONGTYPE",   "ERR",     "UNKILLABLE", "WHATEVER"};
    quota::RedisQuotaSeams seams;
    const std::string key = "local key = KEYS[1]";
    seams.script = without(key, key + R"lua(
local error = redis.call('HGET', key, 'error')
if error then return redis.error_reply(error .. ' of the test') end
)lua");
    Nodes nodes;
    for (const std::string& code : codes) {
        SharedQuotaOptions with = options(server.url(), "a");
        with.domain = code;  // one each, so that all go through it at once
        nodes.push_back(std::make_unique<Node>(with, 5000, 300, seams));
    }
    const auto all = [&](auto condition) {
        return [&nodes, condition] { return std::all_of(nodes.begin(), nodes.end(), condition); };
    };
    REQUIRE(until(nodes, all([](const auto& node) { return node->view().reachable; })));
    for (const std::string& code : codes) server.ask({"HSET", quota::hash_key(code), "quiet", "0"});
    REQUIRE(until(nodes, all([](const auto& node) { return node->rate() == 300.0; })));

    for (const std::string& code : codes) server.ask({"HSET", quota::hash_key(code), "error", code});
    std::vector<bool> told(codes.size());
    REQUIRE(until(nodes, all([](const auto& node) { return node->rate() == 0.0; }), [&] {
        for (std::size_t i = 0; i < codes.size(); ++i)
            if (nodes[i]->says(codes[i])) told[i] = true;
    }));
    for (std::size_t i = 0; i < codes.size(); ++i) CHECK_MESSAGE(told[i], codes[i]);
    CHECK(never(
        nodes, [&] { return sum(nodes) > 0; }, 1s));

    for (const std::string& code : codes) server.ask({"HDEL", quota::hash_key(code), "error"});
    REQUIRE(until(nodes, all([](const auto& node) { return node->rate() == 300.0; })));
    for (const auto& node : nodes) CHECK(node->view().epoch == 1);
}

TEST_CASE("another tenant's slow command or script that never ends: leases run out, and come back with nothing over") {
    RedisServer::Setup setup;
    setup.arguments = {"--lua-time-limit", "100"};
    const RedisServer server(setup);
    Nodes nodes;
    nodes.push_back(std::make_unique<Node>(server, "a", 5000, 1000));
    nodes.push_back(std::make_unique<Node>(server, "b", 5000, 1000));
    open_domain(server, nodes);
    const auto even = [&] { return std::abs(sum(nodes) - 1000) < 1 && nodes[1]->rate() > 400; };
    double worst = 0;
    const auto watch = [&] { worst = std::max(worst, sum(nodes)); };
    const auto held = [&] { return sum(nodes) == 0; };
    REQUIRE(until(nodes, even, watch));
    for (const std::vector<std::string>& slow :
         {std::vector<std::string>{"DEBUG", "SLEEP", "2.5"}, {"CLIENT", "PAUSE", "2500", "ALL"}}) {
        CAPTURE(slow.front());
        const Tenant tenant(server, slow);
        bool told = false;
        CHECK(until(nodes, held, [&] {
            watch();
            told = told || nodes[0]->says("did not answer in time");
        }));
        CHECK(told);
        CHECK(until(nodes, even, watch));
    }
    {
        const Tenant looper(server, {"EVAL", "while true do end", "0"});
        bool told = false;
        CHECK(until(nodes, held, [&] {
            watch();
            told = told || nodes[0]->says("BUSY");
        }));
        CHECK(until(nodes, [&] { return told = told || nodes[0]->says("BUSY"); }));
        CHECK_FALSE(server.ask({"SCRIPT", "KILL"}).is_error());
    }
    CHECK(until(nodes, even, watch));
    CHECK(worst <= 1000.01);
    CHECK(nodes[0]->view().epoch == 1);
}

TEST_CASE("a password that is rotated: beside the old one nothing happens; instead of it the node holds and says why") {
    const RedisServer server;
    REQUIRE_FALSE(server.ask(quota_acl("tide", "first-s3cret")).is_error());
    const auto with = [&](const std::string& name, const char* password) {
        SharedQuotaOptions made = options(server.url("tide"), name);
        made.password = Secret(password);
        return made;
    };
    Nodes nodes;
    nodes.push_back(std::make_unique<Node>(with("a", "first-s3cret"), 5000, 1000));
    open_domain(server, nodes);
    double worst = 0;
    const auto watch = [&] { worst = std::max(worst, sum(nodes)); };
    REQUIRE(until(
        nodes, [&] { return nodes[0]->rate() == 1000.0; }, watch));

    // As it should be done: the new one is added, nodes start with it, the old one goes last.
    REQUIRE_FALSE(server.ask({"ACL", "SETUSER", "tide", ">second-s3cret"}).is_error());
    nodes.push_back(std::make_unique<Node>(with("b", "second-s3cret"), 5000, 1000));
    REQUIRE(until(
        nodes, [&] { return std::abs(nodes[1]->rate() - 500) < 1; }, watch));
    REQUIRE_FALSE(server.ask({"ACL", "SETUSER", "tide", "<first-s3cret"}).is_error());
    server.ask({"CLIENT", "KILL", "USER", "tide"});
    REQUIRE(until(
        nodes, [&] { return nodes[0]->rate() == 0 && nodes[0]->says("refuses user or password (WRONGPASS)"); }, watch));
    REQUIRE(until(
        nodes, [&] { return nodes[1]->rate() == 1000.0; }, watch));
    for (const auto& node : nodes) CHECK_FALSE(node->says("s3cret"));

    REQUIRE_FALSE(server.ask({"ACL", "SETUSER", "tide", ">first-s3cret"}).is_error());
    CHECK(until(
        nodes, [&] { return std::abs(nodes[0]->rate() - 500) < 1; }, watch));
    CHECK(worst <= 1000.01);
}
