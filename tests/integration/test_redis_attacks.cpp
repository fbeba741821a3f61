// What will be tried on shared quotas beside faults: mixed versions, caps that are lowered or smaller than the crowd, a
// herd.
#include "support/quota_by_hand.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::by_hand;
using namespace std::chrono_literals;

TEST_CASE(
    "a cap lowered below what is leased binds everybody within a lease, also those who still name the higher one") {
    const RedisServer server;
    Nodes nodes;
    nodes.push_back(std::make_unique<Node>(server, "a", 5000, 1000));
    nodes.push_back(std::make_unique<Node>(server, "b", 5000, 1000));
    open_domain(server, nodes);
    REQUIRE(until(nodes, [&] { return std::abs(sum(nodes) - 1000) < 1 && nodes[1]->rate() > 400; }));
    double before = 1000;
    nodes.push_back(std::make_unique<Node>(server, "c", 5000, 100, 2));  // a newer configuration
    const auto lowered = std::chrono::steady_clock::now();
    CHECK(until(
        nodes, [&] { return std::abs(sum(nodes) - 100) < 1 && nodes[2]->rate() > 30; },
        [&] {
            const double now = sum(nodes);
            CHECK(now <= std::max(before, 100.0) + 0.01);  // nobody gains while more is out than the new cap allows
            before = std::min(before, std::max(now, 100.0));
        }));
    CHECK(std::chrono::steady_clock::now() - lowered < 4s);
}

TEST_CASE("a node that speaks another protocol is refused in words, and those who were first go on") {
    const RedisServer server;
    Nodes nodes;
    nodes.push_back(std::make_unique<Node>(server, "a", 5000, 1000));
    open_domain(server, nodes);
    REQUIRE(until(nodes, [&] { return nodes[0]->rate() == 1000.0; }));
    quota::RedisQuotaSeams other;
    const std::string check = "if get('proto') and get('proto')";
    other.script = without(check, "q.proto = q.proto + 1\n" + check);
    nodes.push_back(std::make_unique<Node>(server, "b", 5000, 1000, 1, other));
    CHECK(until(nodes, [&] { return nodes[1]->view().trouble.find("version") != std::string::npos; }));
    CHECK_FALSE(until(
        nodes, [&] { return nodes[1]->rate() > 0 || nodes[0]->rate() != 1000.0; }, [] {}, 2s));
}

TEST_CASE("more nodes than thousandths: never more out than there is, and everybody has a turn") {
    const RedisServer server;
    Nodes nodes;
    for (int i = 0; i < 6; ++i) nodes.push_back(std::make_unique<Node>(server, "n" + std::to_string(i), 1, 0.003));
    open_domain(server, nodes);
    std::vector<bool> served(nodes.size());
    double worst = 0;
    CHECK(until(
        nodes, [&] { return std::all_of(served.begin(), served.end(), [](bool had) { return had; }); },
        [&] {
            worst = std::max(worst, sum(nodes));
            for (std::size_t i = 0; i < nodes.size(); ++i)
                if (nodes[i]->rate() > 0) served[i] = true;
        },
        15s));
    CHECK(worst <= 0.003 + 1e-9);
    CHECK(worst > 0);
}

TEST_CASE("a herd of renewals after the store was away: no more than the cap, and all are back soon") {
    RedisServer server;
    Nodes nodes;
    for (int i = 0; i < 20; ++i) nodes.push_back(std::make_unique<Node>(server, "n" + std::to_string(i), 5000, 1000));
    open_domain(server, nodes);
    const auto even = [&] {
        return std::all_of(nodes.begin(), nodes.end(),
                           [](const auto& node) { return std::abs(node->rate() - 50) < 1; });
    };
    REQUIRE(until(
        nodes, even, [] {}, 10s));
    server.restart();  // another server, empty: all of them come at once
    double worst = 0;
    const auto watch = [&] { worst = std::max(worst, sum(nodes)); };
    REQUIRE(until(
        nodes, [&] { return nodes.front()->view().epoch > 1 || nodes.front()->rate() == 0; }, watch));
    CHECK(until(nodes, even, watch, 15s));
    CHECK(worst <= 1000.01);
}
