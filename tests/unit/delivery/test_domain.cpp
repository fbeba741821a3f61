// What nodes of a domain tell each other, and what a leader makes of it.
#include <doctest/doctest.h>

#include <algorithm>

#include "delivery/domain.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint t0{std::chrono::seconds(10'000)};

Campaign campaign() {
    Campaign made;
    made.id = "spring";
    made.priority = 7;
    made.response = {0.1, 40s, 1.1};
    made.impact["app"] = {3.0, 0.5};
    return made;
}

/// A hundred messages a second for two minutes, up to t0.
Reaction busy() {
    Reaction reaction(campaign().response, after(t0, -120));
    for (int i = 120; i > 0; --i) reaction.grant(100, after(t0, -i));
    return reaction;
}

DomainCampaign in_domain(const CampaignPart& part) {
    DomainCampaign made;
    made.id = part.id;
    made.card = part.card;
    made.sent = part.recent;
    std::reverse(made.sent.begin(), made.sent.end());
    made.at = t0;
    return made;
}

/// The highest load that is still to come, requests/s.
double worst_ahead(const Reaction& reaction, TimePoint now) {
    double worst = 0;
    for (int s = 0; s < 300; s += 5)
        worst = std::max(worst, predicted_load({{&reaction, campaign().impact.at("app")}}, after(now, s)));
    return worst;
}

}  // namespace

TEST_CASE("a leader rebuilds from card and record what a campaign is still causing") {
    const Reaction truth = busy();
    const CampaignPart part = part_of(campaign(), truth, t0);
    CHECK(part.sent == 12'000);
    CHECK(part.card.priority == 7);
    CHECK(part.card.impact.at("app") == CardImpact{3.0, 0.5});
    CHECK(part.card.horizon_s == truth.model().horizon());
    const Reaction rebuilt = reaction_of(in_domain(part));
    for (const double ahead : {0.0, 10.0, 40.0, 120.0, 300.0})
        CHECK(rebuilt.opens_at(after(t0, ahead)) == doctest::Approx(truth.opens_at(after(t0, ahead))).epsilon(0.03));
    CHECK_FALSE(rebuilt.seen_opens(after(t0, -10), t0));  // nobody counted them for the leader
}

TEST_CASE("grants that are not reported count as sent just now") {
    DomainCampaign known = in_domain(part_of(campaign(), busy(), t0));
    const double before = worst_ahead(reaction_of(known), t0);
    known.unreported = 3000;
    CHECK(worst_ahead(reaction_of(known), t0) > 1.15 * before);
    CHECK(reaction_of(known).sent().between(0, 5, after(t0, 1)) == doctest::Approx(3000 + 500).epsilon(0.1));
}

TEST_CASE("what a card says of a learnt curve is what its node would reckon with, drift included") {
    Reaction learnt = busy();
    for (int i = 0; i < 20; ++i) {
        const TimePoint from = after(t0, 5.0 * i), to = after(t0, 5.0 * (i + 1));
        learnt.grant(500, from);
        learnt.see_opens(1.6 * 5 * learnt.opens_at(from + 2500ms), from, to);  // many more than believed
    }
    const TimePoint now = after(t0, 100);
    const CampaignPart part = part_of(campaign(), learnt, now);
    CHECK(part.card.open_rate > 0.11);
    CHECK(part.card.evidence > 100);
    DomainCampaign known = in_domain(part);
    known.at = now;
    const Reaction rebuilt = reaction_of(known);
    // The same room allows about as much, whoever reckons.
    const auto allowed = [&](const Reaction& reaction) {
        const Commitment mine{&reaction, campaign().impact.at("app")};
        return admissible_rate(600.0, mine, {mine}, 5.0, now).rate;
    };
    CHECK(allowed(rebuilt) < 1.1 * allowed(learnt));
    CHECK(allowed(rebuilt) > 0.5 * allowed(learnt));
}

TEST_CASE("a campaign that only this node sends keeps its own record; others' sends are counted, its curve stays") {
    const Reaction ours = busy();
    DomainCampaign known = in_domain(part_of(campaign(), ours, t0));
    const double alone = ours.opens_at(after(t0, 20));
    known.unreported = 100;  // its own, or another's first second
    CHECK(with_others(ours, known, t0).opens_at(after(t0, 20)) == alone);
    for (SentThen& then : known.sent) then.messages *= 2;  // another node sends as much
    const Reaction all = with_others(ours, known, t0);
    CHECK(all.opens_at(after(t0, 20)) == doctest::Approx(2 * alone).epsilon(0.06));
    CHECK(all.model().median() == ours.model().median());
}

TEST_CASE("a leader's word on a backend reaches another clock whole") {
    BackendWord word;
    word.sight.backend = "app";
    word.sight.sampled = after(t0, -4);
    word.sight.holds = word.sight.over = true;
    word.sight.reason = "p99 412 ms > 300 ms";
    word.sight.breach = Breach{"p99", 0.412, 0.3};
    word.sight.not_ours = 120;
    word.state = "hold";
    word.ours = {80.0, 70.0};
    word.fades_s = 600;
    word.median_s = 45;
    word.per_open = 3;
    const TimePoint there{std::chrono::seconds(77)};
    BackendWord expected = word;
    expected.sight.sampled = after(there, -4);
    CHECK(*backend_word("app", {to_text(word, t0), there}) == expected);
    word.sight.sampled = TimePoint::min();
    word.sight.breach.reset();
    word.ours.observed.reset();
    CHECK(*backend_word("app", {to_text(word, t0), there}) == word);
    for (const char* nonsense : {"", "open", "[]", "{}", R"({"state":3})"})
        CHECK_FALSE(backend_word("app", {nonsense, there}));
}
