// The store's memory is taken away, or an older one is put back, behind its nodes' backs.
#include <list>

#include "support/quota_by_hand.hpp"
#include "tidegate/quota/quota_state.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::by_hand;
using namespace std::chrono_literals;

namespace {

/// A node that has the whole cap and is cut off with it, another one that asks, and a store whose memory says that the
/// first had ten.
struct LostMemory {
    Deeds deeds;
    RedisServer server;
    RedisProxy proxy{server.port()};
    std::unique_ptr<QuotaNode> first, second;
    std::string copy;

    LostMemory() {
        first = std::make_unique<QuotaNode>(deeds, 0, options(proxy.url(), "a"), 10, caps);
        skip_silence(server, *first);
    }
    std::string key() const { return quota::hash_key("test"); }
    bool exists() const { return server.ask({"EXISTS", key()}).integer == 1; }
    void keep_a_copy() {
        copy = server.ask({"DUMP", key()}).text;
        REQUIRE_FALSE(server.ask({"SAVE"}).is_error());
        (*first)->wants = 5000.0;
    }
    void cut_off() {
        second = std::make_unique<QuotaNode>(deeds, 1, options(server.url(), "b"), 5000, caps);
        REQUIRE(wait_for([&] { return (*second)->calls > 1; }, 20s));
        proxy.set(RedisProxy::hold);
    }
};

}  // namespace

TEST_CASE("the hash is deleted, evicted, put back as an older copy, loaded from an old file: leases are waited out") {
    const std::vector<std::pair<std::string, std::function<void(LostMemory&)>>> ways{
        {"deleted",
         [](LostMemory& at) {
             at.server.ask({"DEL", at.key()});
         }},
        {"evicted",
         [](LostMemory& at) {
             at.server.ask({"CONFIG", "SET", "maxmemory-policy", "allkeys-random"});
             at.server.ask({"CONFIG", "SET", "maxmemory", "1"});
             CHECK(wait_for([&] { return !at.exists(); }, 20s));
             at.server.ask({"CONFIG", "SET", "maxmemory", "0"});
         }},
        {"put back",
         [](LostMemory& at) {
             CHECK_FALSE(at.server.ask({"RESTORE", at.key(), "0", at.copy, "REPLACE"}).is_error());
         }},
        {"loaded", [](LostMemory& at) { at.server.restart(); }},
    };
    std::list<LostMemory> scenes;  // side by side: each is mostly waiting
    for (std::size_t i = 0; i < ways.size(); ++i) scenes.emplace_back();
    for (LostMemory& scene : scenes) REQUIRE(wait_for([&] { return (*scene.first)->rate == 10.0; }, 20s));
    for (LostMemory& scene : scenes) scene.keep_a_copy();
    for (LostMemory& scene : scenes) REQUIRE(wait_for([&] { return (*scene.first)->rate > 900.0; }, 20s));
    auto scene = scenes.begin();
    for (const auto& way : ways) {
        CAPTURE(way.first);
        scene->cut_off();
        way.second(*scene);
        ++scene;
    }
    scene = scenes.begin();
    for (const auto& way : ways) {
        CAPTURE(way.first);
        CHECK(wait_for([&] { return (*scene->second)->rate == cap; }, 20s));
        CHECK(scene->exists());
        CHECK(std::stoi(scene->server.ask({"HGET", scene->key(), "epoch"}).text) >= 2);
        const Verdict verdict = judge(scene->deeds.all());
        CHECK(verdict.worst_sum <= cap + 0.01);
        CHECK(verdict.worst_second <= cap * 1.04 + verdict.nodes);
        ++scene;
    }
}

TEST_CASE("a master that was replaced and comes back empty has nothing to grant: nobody follows it") {
    RedisServer old;
    RedisServer next(replica_of(old.port())), other(replica_of(old.port()));
    REQUIRE(wait_for([&] { return follows(next) && follows(other); }, 20s));
    Nodes nodes;
    nodes.push_back(std::make_unique<Node>(guarded(old.url(), "a"), 5000, 1000));
    open_domain(old, nodes);
    double worst = 0;
    const auto watch = [&] { worst = std::max(worst, sum(nodes)); };
    REQUIRE(until(
        nodes, [&] { return nodes[0]->rate() == 1000.0; }, watch));

    old.kill();
    next.ask({"REPLICAOF", "NO", "ONE"});
    other.ask({"REPLICAOF", "127.0.0.1", std::to_string(next.port())});
    nodes.push_back(std::make_unique<Node>(guarded(next.url(), "b"), 5000, 1000));
    old.restart();
    CHECK(until(
        nodes, [&] { return nodes[0]->says("0 of 1 replicas follow"); }, watch));
    CHECK(until(
        nodes, [&] { return nodes[1]->rate() == 1000.0; }, watch));  // its silence is over
    CHECK(nodes[0]->rate() == 0);
    CHECK(worst <= 1000.01);
}

TEST_CASE("FLUSHALL in the middle of an abort: whichever was first, the campaign is over on every node") {
    // An operator outside just before it, one just after it, and a node's own order on its way.
    const std::list<RedisServer> servers(3);
    Nodes nodes;
    for (const RedisServer& server : servers) {
        Nodes both;
        for (const char* name : {"a", "b"}) both.push_back(std::make_unique<Node>(server, name, 500, 1000));
        open_domain(server, both);
        for (auto& node : both) nodes.push_back(std::move(node));
    }
    const auto all = [&](auto condition) {
        return [&nodes, condition] { return std::all_of(nodes.begin(), nodes.end(), condition); };
    };
    const auto everywhere = [&servers](auto condition) {
        return [&servers, condition] { return std::all_of(servers.begin(), servers.end(), condition); };
    };
    REQUIRE(until(nodes, all([](const auto& node) { return node->rate() == 500.0; })));
    REQUIRE(until(nodes, everywhere([](const RedisServer& each) {
                      const auto listeners = each.ask({"PUBSUB", "NUMSUB", quota::control_channel("test")});
                      return listeners.items.size() == 2 && listeners.items[1].integer == 2;
                  })));
    using State = QuotaOrder::State;
    const auto outside = [](const RedisServer& server) {
        return bool(send_quota_order(options(server.url(), "operator"), "camp:spring", {.state = State::abort}, 5s));
    };
    auto server = servers.begin();
    CHECK(outside(*server));
    server->ask({"FLUSHALL"});
    ++server;
    server->ask({"FLUSHALL"});
    CHECK(outside(*server));
    ++server;
    nodes[4]->quota->order("camp:spring", {State::abort});
    nodes[4]->tick();
    server->ask({"FLUSHALL"});

    REQUIRE(until(nodes, all([](const auto& node) { return node->rate() == 0 && node->view().epoch >= 2; })));
    REQUIRE(until(nodes, everywhere([](const RedisServer& each) {
                      return each.ask({"HEXISTS", quota::hash_key("test"), "S:camp:spring"}).integer == 1;
                  })));  // told again, as it is within every silence
    for (const RedisServer& each : servers) {
        each.ask({"HSET", quota::hash_key("test"), "quiet", "0"});
        nodes.push_back(std::make_unique<Node>(each, "late", 500, 1000));
    }
    CHECK(never(
        nodes, [&] { return sum(nodes) > 0; }, 2s));
    for (const auto& node : nodes) {
        const auto orders = node->view().orders;
        REQUIRE(orders.contains("camp:spring"));
        CHECK(orders.at("camp:spring").state == State::abort);
    }
}
