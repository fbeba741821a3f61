// The client's half of the protocol as a conversation, without Redis.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "quota/redis_client.hpp"

using namespace tidegate;
using namespace tidegate::quota;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr TimePoint t0{std::chrono::seconds(1000)};

SharedQuotaOptions options() {
    SharedQuotaOptions made;
    made.redis = "redis://cache";
    made.domain = "d";
    return made;
}

struct Talk {
    explicit Talk(std::uint64_t seed = 1, const SharedQuotaOptions& with = options()) : client(with, "a#1", seed) {}
    LeaseClient client;
    TimePoint now = t0;
    std::vector<Flow> flows{{"f", {"acct:push"}, 5, Rate{100}, {}}};

    /// A tick of the control thread; what is asked, if anything is.
    std::optional<json> tick(bool can_ask = true) {
        const auto action = client.resume(LeaseClient::Demand{flows, can_ask}, now);
        const auto* ask = std::get_if<LeaseClient::Ask>(&action);
        if (ask == nullptr) return std::nullopt;
        return json::parse(ask->json);
    }
    json answer(std::vector<std::int64_t> grants) {
        return {{"epoch", 1},
                {"v", "5000000"},
                {"quiet", 0},
                {"g", grants},
                {"by", std::vector<std::string>(grants.size(), "acct:push")},
                {"orders", json::object()},
                {"gen", 0},
                {"soonest", -1}};
    }
    std::string left_because(const json& text) {
        const auto action = client.resume(LeaseClient::Answer{text.dump()}, now);
        const auto* left = std::get_if<LeaseClient::Leave>(&action);
        return left == nullptr ? std::string() : left->why;
    }
    bool leaves(const json& text) { return !left_because(text).empty(); }
    void grant(std::int64_t thousandths) { CHECK_FALSE(leaves(answer({thousandths}))); }
    double rate() { return client.leases(now).front().rate.per_second; }
    /// Ticks on until something is asked.
    json until_asked() {
        for (int i = 0; i < 100; ++i) {
            if (auto asked = tick()) return *asked;
            now += 100ms;
        }
        FAIL("nothing was asked in ten seconds");
        return {};
    }
};

}  // namespace

TEST_CASE("nothing may be used before the first answer, and what is granted ends a lease after the sending") {
    Talk talk;
    const auto asked = talk.tick();
    REQUIRE(asked);
    CHECK((*asked)["flows"][0]["w"] == 100'000);
    CHECK((*asked)["flows"][0]["u"] == 0);
    CHECK((*asked)["seq"] == 1);
    CHECK(talk.rate() == 0.0);
    talk.now += 400ms;  // the answer took its time; the lease does not wait for it
    talk.grant(60'000);
    CHECK(talk.rate() == 60.0);
    CHECK(talk.client.leases(talk.now).front().limited_by == "acct:push");
    talk.now = t0 + 2970ms - 1us;
    CHECK(talk.rate() == 60.0);
    talk.now += 2us;
    CHECK(talk.rate() == 0.0);
}

TEST_CASE("a silence covers what a master that was replaced may grant, which is a lease at least") {
    struct Case {
        int replicas;
        Duration lag, lease;
        std::int64_t stale, quiesce;  // microseconds
    };
    for (const Case& c : {Case{0, 2s, 3s, 0, 4'130'000}, Case{1, 2s, 3s, 3'000'000, 7'130'000},
                          Case{1, 4s, 3s, 5'000'000, 9'130'000}, Case{1, 2s, 10s, 10'000'000, 21'200'000}}) {
        SharedQuotaOptions with = options();
        with.rules.replicas = c.replicas;
        with.rules.replica_lag = c.lag;
        with.rules.lease = c.lease;
        Talk talk(1, with);
        const auto asked = talk.tick();
        REQUIRE(asked);
        CHECK((*asked)["stale"] == c.stale);
        CHECK((*asked)["quiesce"] == c.quiesce);
    }
}

TEST_CASE("one request at a time, renewed every second give or take a fifth") {
    Talk talk;
    for (int round = 0; round < 50; ++round) {
        REQUIRE(talk.tick());
        CHECK_FALSE(talk.tick());
        const TimePoint sent = talk.now;
        talk.grant(60'000);
        for (talk.now += 10ms; !talk.tick(false); talk.now += 10ms)
            if (talk.now - sent > 2s) break;
        talk.now = sent + 799ms;
        CHECK_FALSE(talk.tick());
        talk.now = sent + 1200ms;
    }
}

TEST_CASE("what is told as still in use is what was shown before, and until the answer it may not be passed") {
    Talk talk;
    talk.tick();
    talk.grant(60'000);
    talk.flows[0].wants = Rate{20};
    talk.now += 1200ms;
    auto asked = talk.tick();  // nobody has obeyed the 20 yet: the grant was never shown
    REQUIRE(asked);
    CHECK((*asked)["flows"][0]["u"] == 0);
    talk.grant(60'000);
    talk.tick(false);
    CHECK(talk.rate() == 20.0);
    talk.flows[0].wants = Rate{50};
    talk.now += 1200ms;
    asked = talk.tick();
    REQUIRE(asked);
    CHECK((*asked)["flows"][0]["u"] == 20'000);
    CHECK(talk.rate() == 20.0);  // 60 were granted, but 20 are declared
    talk.client.resume(LeaseClient::Lost{"no answer"}, talk.now);
    talk.tick(false);
    CHECK(talk.rate() == 20.0);  // nor after: perhaps the store believed us
    talk.until_asked();
    talk.grant(45'000);
    CHECK(talk.rate() == 45.0);
}

TEST_CASE("a flow that has just ended is still charged once, then released, and an idle node asks nothing") {
    Talk talk;
    talk.tick();
    talk.grant(60'000);
    talk.tick();
    talk.flows.clear();
    talk.now += 100ms;
    auto asked = talk.tick();
    REQUIRE(asked);
    CHECK((*asked)["flows"][0]["u"] == 60'000);
    CHECK((*asked)["flows"][0]["w"] == 0);
    talk.grant(0);
    talk.now += 100ms;
    asked = talk.tick();
    REQUIRE(asked);
    CHECK((*asked)["flows"].empty());
    talk.leaves(talk.answer({}));
    CHECK(talk.client.settled());
    for (int i = 0; i < 100; ++i, talk.now += 100ms) CHECK_FALSE(talk.tick());
}

TEST_CASE("answers that make no sense are no grant, and the server is left") {
    for (const char* text : {"", "[]", "{}", "nonsense", R"({"g":[1],"by":[]})"}) {
        CAPTURE(text);
        Talk talk;
        talk.tick();
        CHECK(std::holds_alternative<LeaseClient::Leave>(talk.client.resume(LeaseClient::Answer{text}, talk.now)));
        CHECK(talk.rate() == 0.0);
        CHECK_FALSE(talk.client.view(talk.now).reachable);
    }
    Talk talk;
    talk.tick();
    auto negative = talk.answer({-5});
    CHECK(talk.leaves(negative));
    talk.until_asked();
    CHECK(talk.leaves(talk.answer({100, 100})));  // more grants than flows
    talk.until_asked();
    CHECK_FALSE(talk.leaves({{"refused", "sequence"}, {"why", "late"}}));
    CHECK(talk.client.view(talk.now).trouble == "sequence: late");
    talk.until_asked();
    CHECK(talk.left_because({{"refused", "fence"}, {"why", "0 of 2 replicas follow"}}) ==
          "may have been replaced: 0 of 2 replicas follow");
}

TEST_CASE("an answer that nobody waits for changes nothing") {
    Talk talk;
    talk.grant(60'000);
    talk.tick();
    talk.client.resume(LeaseClient::Lost{"no answer"}, talk.now);
    talk.grant(60'000);
    CHECK(talk.rate() == 0.0);
}

TEST_CASE("an order heard on the channel stops at once, is told to a store that forgot, and abort is final") {
    Talk talk;
    talk.tick();
    talk.grant(60'000);
    talk.tick();
    CHECK(talk.rate() == 60.0);
    const auto hear = [&](const std::string& state, int generation) {
        talk.client.resume(
            LeaseClient::Notice{json{{"subject", "acct:push"}, {"order", {generation, state, -1}}}.dump()}, talk.now);
    };
    hear("pause", 3);
    CHECK(talk.rate() == 0.0);
    CHECK(talk.client.leases(talk.now).front().limited_by == "an operator's order");
    const auto asked = talk.tick();  // and told at once
    REQUIRE(asked);
    CHECK((*asked)["orders"]["acct:push"] == json{3, "pause", -1});
    hear("run", 2);  // older
    CHECK(talk.rate() == 0.0);
    talk.client.resume(LeaseClient::Notice{"rubbish"}, talk.now);
    hear("abort", 4);
    hear("run", 9);
    CHECK(talk.client.view(talk.now).orders.at("acct:push").state == QuotaOrder::State::abort);
}

TEST_CASE("a node looks again when another's lease ends or the silence does, counted from its asking") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        for (const char* what : {"soonest", "quiet"}) {
            CAPTURE(what);
            Talk talk(seed);
            talk.tick();
            auto answer = talk.answer({0});
            answer[what] = 300'000;
            talk.now += 100ms;  // when it was looked at does not count
            talk.leaves(answer);
            if (what == std::string("quiet")) CHECK(talk.client.view(talk.now).quiet == 300ms);
            talk.now = t0 + 309ms;
            CHECK_FALSE(talk.tick());
            talk.now = t0 + 350ms;
            CHECK(talk.tick());
        }
    }
}

TEST_CASE("in a silence no gap between two requests is longer than what the store counts as time") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Talk talk(seed);
        talk.tick();
        auto answer = talk.answer({0});
        answer["quiet"] = 4'000'000;
        talk.leaves(answer);
        talk.now = t0 + 799ms;
        CHECK_FALSE(talk.tick());
        talk.now = t0 + 900ms;
        CHECK(talk.tick());
    }
}

TEST_CASE("nodes that come out of a silence together renew anywhere within the period, and then every second again") {
    double first = 10, last = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        Talk talk(seed);
        const auto next = [&] {
            const TimePoint sent = talk.now;
            while (!talk.tick()) talk.now += 10ms;
            return Seconds(talk.now - sent).count();
        };
        talk.tick();
        auto answer = talk.answer({0});
        answer["quiet"] = 200'000;
        talk.leaves(answer);
        next();
        talk.grant(60'000);
        const double once = next();
        CHECK(once <= 1.01);
        first = std::min(first, once);
        last = std::max(last, once);
        talk.grant(60'000);
        CHECK(next() >= 0.8);
    }
    CHECK(first < 0.25);
    CHECK(last > 0.85);
}

TEST_CASE(
    "a connection that stands anew is asked at once, for its server may be another; after a failure not so soon") {
    Talk talk;
    talk.tick();
    talk.grant(60'000);
    talk.now += 300ms;
    CHECK_FALSE(talk.tick());
    talk.client.resume(LeaseClient::Connected{}, talk.now);
    talk.now += 50ms;
    CHECK(talk.tick());
    talk.client.resume(LeaseClient::Lost{"no answer"}, talk.now);
    talk.client.resume(LeaseClient::Connected{}, talk.now);
    talk.now += 199ms;  // a server that refuses again and again must not be asked again and again
    CHECK_FALSE(talk.tick());
    talk.now += 101ms;
    CHECK(talk.tick());
}

TEST_CASE("only the leader's targets are sent, and only while its term lasts") {
    Talk talk;
    talk.client.set_targets({{"acct:push", Rate{7}}}, {});
    CHECK_FALSE(talk.tick()->contains("targets"));
    auto answer = talk.answer({60'000});
    answer["leader"] = {{"n", "a#1"}, {"t", 4}, {"left", 4'000'000}};
    talk.leaves(answer);
    CHECK(talk.client.view(talk.now).leads);
    CHECK(talk.client.view(talk.now).term == 4);
    const auto asked = talk.until_asked();
    CHECK(asked["targets"]["acct:push"] == 7000);
    CHECK(asked["term"] == 4);
    talk.now += 3s;
    CHECK_FALSE(talk.client.view(talk.now).leads);
}

TEST_CASE("rates are whole thousandths, never more than was asked, and bounded") {
    CHECK(thousandths(Rate{0.0019}) == 1);
    CHECK(thousandths(Rate{-1}) == 0);
    CHECK(thousandths(Rate{std::numeric_limits<double>::quiet_NaN()}) == 0);
    CHECK(thousandths(Rate::unlimited()) == 10'000'000'000);
}

TEST_CASE("options are refused in words, all at once") {
    SharedQuotaOptions bad;
    bad.redis = "redis+sentinel://s/main";
    bad.domain = "a b";
    bad.rules.lease = 1s;
    bad.reply_timeout = 2s;
    CHECK(bad.validate().size() == 4);
    CHECK(options().validate().empty());
}

TEST_CASE("a leader sees every campaign of the domain, a follower none, and both hear the leader's words") {
    Talk talk;
    talk.tick();
    auto answer = talk.answer({60'000});
    answer["leader"] = {{"n", "b#1"}, {"t", 4}, {"left", 4'000'000}};
    answer["words"] = {{"camp:f", "app-api: 300 of 400"}};
    answer["said"] = 500'000;
    answer["domain"] = {{{"id", "autumn"},
                         {"c", {{"p", 7}, {"r", 0.1}, {"m", 30.0}, {"s", 1.0}, {"i", {{"app", {2.0, 0.5}}}}}},
                         {"e", 12.0},
                         {"h", 500'000'000},
                         {"w", 90'000},
                         {"u", 4'000}}};
    REQUIRE_FALSE(talk.leaves(answer));
    CHECK(talk.client.view(talk.now).campaigns.empty());
    CHECK(talk.client.view(talk.now).words.at("camp:f") == LeaderWord{"app-api: 300 of 400", t0 - 500ms});
    talk.until_asked();
    const TimePoint sent = talk.now;
    answer["leader"]["n"] = "a#1";
    talk.now += 50ms;
    REQUIRE_FALSE(talk.leaves(answer));
    const auto campaigns = talk.client.view(talk.now).campaigns;
    REQUIRE(campaigns.size() == 1);
    CHECK(campaigns[0].id == "autumn");
    CHECK(campaigns[0].card == CampaignCard{7, 0.1, 30.0, 1.0, 12.0, 500.0, {{"app", {2.0, 0.5}}}});
    CHECK(campaigns[0].wants.per_second == 90.0);
    CHECK(campaigns[0].at == sent);  // ages count from when it was asked
    CHECK(campaigns[0].sent.empty());
    CHECK(campaigns[0].unreported == 4.0);
    talk.now += 3s;
    CHECK(talk.client.view(talk.now).campaigns.empty());  // the term is over
}

TEST_CASE("what was sent is told again to a store that has lost its memory, once an answer says it heard it") {
    Talk talk;
    CampaignPart part{"f", {}, 120.0, {{0.0, 1.0, 20.0}, {10.0, 20.0, 100.0}}};
    part.card.horizon_s = 238.0;
    talk.client.report({part}, true);
    auto asked = talk.tick();
    REQUIRE(asked);
    CHECK((*asked)["cards"]["f"]["t"] == 120.0);
    CHECK((*asked)["past"] == false);
    talk.grant(60'000);
    CHECK(talk.until_asked()["past"] == true);  // this start's first: the store takes it if nobody knows anything
    talk.grant(60'000);
    CHECK(talk.until_asked()["past"] == false);
    auto answer = talk.answer({0});
    answer["epoch"] = 2;
    talk.leaves(answer);
    for (int round = 0; round < 2; ++round) {
        const auto again = talk.until_asked();
        CHECK(again["past"] == true);
        CHECK(again["knew"] == true);
        double all = 0;
        for (const auto& amount : again["cards"]["f"]["past"]) all += amount.get<double>();
        CHECK(all == doctest::Approx(120'000).epsilon(0.001));
        if (round == 0) talk.client.resume(LeaseClient::Lost{"no answer"}, talk.now);
    }
    talk.leaves(answer);
    CHECK(talk.until_asked()["past"] == false);
}

TEST_CASE("who does not see the backends does not offer to lead, and a leader without work goes on leading others") {
    Talk talk;
    talk.client.report({}, false);
    CHECK((*talk.tick())["lead"] == false);
    talk.grant(60'000);
    talk.client.report({}, true);
    CHECK(talk.until_asked()["lead"] == true);
    auto answer = talk.answer({});
    answer["leader"] = {{"n", "a#1"}, {"t", 1}, {"left", 4'000'000}};
    answer["domain"] = {
        {{"id", "autumn"}, {"c", {{"i", json::object()}}}, {"e", 0}, {"h", 5'000'000}, {"w", 0}, {"u", 0}}};
    answer["g"] = {60'000};
    answer["by"] = {""};
    talk.leaves(answer);
    talk.flows.clear();
    CHECK(talk.until_asked()["lead"] == true);
    answer["g"] = answer["by"] = json::array();
    talk.leaves(answer);
    CHECK(talk.until_asked()["lead"] == true);
    answer["domain"] = json::object();  // how the store writes an empty list
    talk.leaves(answer);
    talk.now += 100ms;
    for (int i = 0; i < 50; ++i, talk.now += 100ms) CHECK_FALSE(talk.tick());
}

TEST_CASE("a target that falls or is new does not wait for the next renewal") {
    Talk talk;
    talk.tick();
    auto answer = talk.answer({60'000});
    answer["leader"] = {{"n", "a#1"}, {"t", 1}, {"left", 4'000'000}};
    talk.leaves(answer);
    const auto soon = [&] {
        talk.now += 260ms;
        return talk.tick();
    };
    talk.client.set_targets({{"camp:f", Rate{70}}}, {{"camp:f", "why"}});
    auto asked = soon();
    REQUIRE(asked);
    CHECK((*asked)["words"]["camp:f"] == "why");
    talk.leaves(answer);
    talk.client.set_targets({{"camp:f", Rate{60}}}, {});
    CHECK_FALSE(soon());
    talk.client.set_targets({{"camp:f", Rate{0}}}, {});
    CHECK(soon());
}

TEST_CASE("a flow that wakes up asks within a tenth of a second; one that wants more waits for its turn") {
    Talk talk;
    talk.flows[0].wants = Rate{0};
    REQUIRE(talk.tick());
    talk.grant(0);
    talk.now += 100ms;
    CHECK_FALSE(talk.tick());
    talk.flows[0].wants = Rate{50};
    const auto woken = talk.tick();
    REQUIRE(woken);
    CHECK((*woken)["flows"][0]["w"] == 50'000);
    talk.grant(50'000);
    talk.now += 100ms;
    talk.flows[0].wants = Rate{100};
    CHECK_FALSE(talk.tick());
}

TEST_CASE("a rate that came with an answer in the middle of a tick is told as in use at the next") {
    Talk talk;
    talk.tick();
    talk.grant(60'000);
    CHECK(talk.rate() == 60.0);  // handed out before the next Demand
    talk.now += 1200ms;
    const auto asked = talk.tick();
    REQUIRE(asked);
    CHECK((*asked)["flows"][0]["u"] == 60'000);
}

TEST_CASE("what was ordered is told once in each epoch, and again until an answer has come") {
    Talk talk;
    talk.tick();
    json first = talk.answer({60'000});
    first["orders"]["camp:autumn"] = {7, "pause", -1};
    CHECK_FALSE(talk.leaves(first));
    json asked = talk.until_asked();
    CHECK(asked["orders"].contains("camp:autumn"));
    talk.client.resume(LeaseClient::Lost{"no answer"}, talk.now);
    asked = talk.until_asked();
    CHECK(asked["orders"].contains("camp:autumn"));
    talk.grant(60'000);
    asked = talk.until_asked();
    CHECK(asked["orders"].empty());
    json forgotten = talk.answer({0});
    forgotten["epoch"] = 2;
    CHECK_FALSE(talk.leaves(forgotten));
    asked = talk.until_asked();
    CHECK(asked["orders"].contains("camp:autumn"));
}
