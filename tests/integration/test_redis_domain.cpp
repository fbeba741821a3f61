// What a domain's leader learns of every campaign, against a real redis-server: cards, demand, and how much was sent.
#include "support/domain_node.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::domain;
using namespace std::chrono_literals;

TEST_CASE("one leads, and sees what the others send, want and believe; nobody sends without its word") {
    const RedisServer server;
    Node a(server, "a", "spring", true), b(server, "b", "autumn", false);
    REQUIRE(until({&a, &b}, [&] { return a.view().leads && a.view().campaigns.size() == 2 && b.view().reachable; }));
    end_silence(server);
    CHECK_FALSE(until(
        {&a, &b}, [&] { return a.rate() + b.rate() > 0; }, 2s));
    CHECK_FALSE(b.view().leads);
    CHECK(b.view().campaigns.empty());  // it does not steer, so it is not told
    a.quota->set_targets({{"camp:spring", Rate{30}}, {"camp:autumn", Rate{50}}}, {{"camp:autumn", "half of the room"}});
    REQUIRE(until({&a, &b}, [&] { return a.rate() == 30.0 && b.rate() == 50.0; }));
    CHECK(b.view().words.at("camp:autumn").text == "half of the room");
    CHECK(b.view().words.size() == 1);
    until(
        {&a, &b}, [] { return false; }, 2s);
    const DomainCampaign autumn = a.view().campaigns.front();
    CHECK(autumn.id == "autumn");
    CHECK(autumn.wants.per_second == 200.0);
    CHECK(autumn.card.impact.at("app").per_open == 3.0);
    // A grant counts as sent until it is reported, so the belief runs a little ahead and never behind.
    const double truth = b.part.sent, belief = *believed(a, "autumn");
    CHECK(truth > 50.0);
    CHECK(belief > truth - 50.0 * 0.7);  // what the leader was told is a renewal old
    CHECK(belief < truth + 50.0 * 1.5);
}

TEST_CASE("grants count as sent until they are reported: a node that dies has sent all that it could have") {
    for (const bool broken : {false, true}) {
        CAPTURE(broken);
        const auto seams = breaking(
            broken, "if amount > 0 then book(record_of(id, kept[2]), from, from + spent, amount * spent / 1e6) end",
            "");
        const RedisServer server;
        Node a(server, "a", "spring", true, seams), b(server, "b", "autumn", false, seams);
        REQUIRE(until({&a, &b}, [&] { return a.view().leads && a.view().campaigns.size() == 2; }));
        end_silence(server);
        a.quota->set_targets({{"camp:spring", Rate{0}}, {"camp:autumn", Rate{100}}}, {});
        REQUIRE(until({&a, &b}, [&] { return b.rate() == 100.0 && b.part.sent > 50; }));
        // It dies, but not before it has used its lease to the end; nobody hears of that.
        double truth = b.part.sent + 100.0 * seconds_between(b.sent_at, b.lease->expires);
        REQUIRE(until({&a}, [&] {
            return server.ask({"HEXISTS", quota::hash_key("test"), "P:autumn"}).integer == 0;  // its entry is gone
        }));
        until(
            {&a}, [] { return false; }, 800ms);
        const double belief = *believed(a, "autumn");
        MESSAGE("truth " << truth << ", belief " << belief);
        CHECK((belief >= truth) == !broken);
        CHECK(belief < truth + 100.0 * 1.5);
    }
}

TEST_CASE("the leader dies: another leads within its lease, holds first, and knows what both have sent") {
    const RedisServer server;
    Node a(server, "a", "spring", true), b(server, "b", "autumn", false);
    REQUIRE(until({&a, &b}, [&] { return a.view().leads && a.view().campaigns.size() == 2; }));
    end_silence(server);
    b.sees_backends = true;
    a.quota->set_targets({{"camp:spring", Rate{80}}, {"camp:autumn", Rate{40}}}, {});
    REQUIRE(until({&a, &b}, [&] { return a.part.sent > 100 && b.part.sent > 50; }));
    const double spring = a.part.sent + 80.0 * seconds_between(a.sent_at, a.lease->expires);
    const auto died = std::chrono::steady_clock::now();
    REQUIRE(until({&b}, [&] { return b.view().leads && b.rate() == 0; }));
    if (!sanitized()) CHECK(std::chrono::steady_clock::now() - died < 5s);
    CHECK(b.view().term == 2);
    CHECK_FALSE(until(
        {&b}, [&] { return b.rate() > 0; }, 1s));  // until it says something itself
    REQUIRE(until({&b}, [&] { return believed(b, "spring").value_or(0) >= spring; }));
    CHECK(*believed(b, "spring") < spring + 80.0 * 1.5);
    CHECK(*believed(b, "autumn") >= b.part.sent - 1);
    b.quota->set_targets({{"camp:autumn", Rate{25}}}, {});
    CHECK(until({&b}, [&] { return b.rate() == 25.0; }));
}

TEST_CASE("Redis forgets everything: every node tells again what it sent before anybody sends more") {
    RedisServer server;
    Node a(server, "a", "spring", true), b(server, "b", "autumn", false);
    REQUIRE(until({&a, &b}, [&] { return a.view().leads && a.view().campaigns.size() == 2; }));
    end_silence(server);
    a.quota->set_targets({{"camp:spring", Rate{80}}, {"camp:autumn", Rate{40}}}, {});
    REQUIRE(until({&a, &b}, [&] { return a.part.sent > 100 && b.part.sent > 50; }));
    SUBCASE("flushed") {
        server.ask({"FLUSHALL"});
    }
    SUBCASE("restarted with nothing") {
        server.restart();
    }
    REQUIRE(until({&a, &b}, [&] { return a.view().epoch == 2 && b.view().epoch == 2; }));
    double spring = 0, autumn = 0;
    REQUIRE(until({&a, &b}, [&] {
        if (a.view().quiet == Duration::zero()) return true;
        spring = believed(a, "spring").value_or(0);
        autumn = believed(a, "autumn").value_or(0);
        return false;
    }));
    CHECK(spring >= a.part.sent - 81);  // what went after it was told, if anything did, is on its way
    CHECK(autumn >= b.part.sent - 41);
    CHECK(spring <= a.part.sent + 1);
    CHECK(autumn <= b.part.sent + 1);
    REQUIRE(until({&a, &b}, [&] { return a.rate() == 80.0 && b.rate() == 40.0; }));
}

TEST_CASE("a campaign that nobody feels any more is forgotten, with all that was kept of it") {
    const RedisServer server;
    Node a(server, "a", "spring", true), b(server, "b", "autumn", false);
    b.part.card.horizon_s = 1;
    REQUIRE(until({&a, &b}, [&] { return a.view().leads && a.view().campaigns.size() == 2; }));
    end_silence(server);
    a.quota->set_targets({{"camp:spring", Rate{80}}, {"camp:autumn", Rate{40}}}, {});
    REQUIRE(until({&a, &b}, [&] { return b.part.sent > 20; }));
    b.flows.clear();
    REQUIRE(until({&a}, [&] { return a.view().campaigns.size() == 1; }));
    for (const std::string kind : {"D:", "G:", "P:", "R:camp:", "C:camp:"}) {
        CAPTURE(kind);
        CAPTURE(server.ask({"HGET", quota::hash_key("test"), kind + "autumn"}).text);
        CHECK(server.ask({"HEXISTS", quota::hash_key("test"), kind + "autumn"}).integer == 0);
    }
}
