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
    LeaseClient client{options(), "a#1", 1};
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
    bool leaves(const json& text) {
        return std::holds_alternative<LeaseClient::Leave>(client.resume(LeaseClient::Answer{text.dump()}, now));
    }
    void grant(std::int64_t thousandths) { CHECK_FALSE(leaves(answer({thousandths}))); }
    double rate() const { return client.leases(now).front().rate.per_second; }
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
    CHECK(talk.leaves({{"refused", "fence"}, {"why", "0 of 2 replicas follow"}}));  // perhaps a stale master
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

TEST_CASE("a node looks again when another's lease ends or the silence does") {
    Talk talk;
    talk.tick();
    auto answer = talk.answer({0});
    answer["soonest"] = 300'000;
    talk.leaves(answer);
    talk.now += 310ms;
    CHECK_FALSE(talk.tick());
    talk.now += 100ms;
    CHECK(talk.tick());
    answer = talk.answer({0});
    answer["quiet"] = 500'000;
    talk.leaves(answer);
    CHECK(talk.client.view(talk.now).quiet == 500ms);
    talk.now += 610ms;
    CHECK(talk.tick());
}

TEST_CASE("only the leader's targets are sent, and only while its term lasts") {
    Talk talk;
    talk.client.set_targets({{"acct:push", Rate{7}}});
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
