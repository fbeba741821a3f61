#include <doctest/doctest.h>

#include <stdexcept>

#include "tidegate/testing/scripted_channel.hpp"

using namespace tidegate;
using tidegate::testing::ScriptedChannel;

namespace {

Attempt attempt(DeliveryId id, std::string address) {
    Attempt a;
    a.delivery = id;
    a.address = std::move(address);
    return a;
}

struct Answers {
    std::map<DeliveryId, std::vector<OutcomeClass>> seen;
    Completion take() {
        return [this](DeliveryId id, Outcome outcome) { seen[id].push_back(outcome.kind); };
    }
};

}  // namespace

TEST_CASE("a channel without a script accepts everything and remembers it") {
    ScriptedChannel channel({});
    Answers answers;
    const std::vector<Attempt> batch{attempt(1, "a"), attempt(2, "b"), attempt(3, "a")};
    channel.submit(batch, answers.take());
    CHECK(answers.seen.size() == 3);
    for (const auto& [id, kinds] : answers.seen) CHECK(kinds == std::vector{OutcomeClass::accepted});
    CHECK(channel.attempts() == batch);
    CHECK(channel.counts() == std::map<std::string, std::size_t>{{"a", 2}, {"b", 1}});
}

TEST_CASE("a held channel answers nothing, shrinks its capacity, and answers each attempt once when let go") {
    ScriptedChannel channel({});
    channel.set_capacity(3);
    channel.hold(true);
    Answers answers;
    const std::vector<Attempt> batch{attempt(1, "a"), attempt(2, "b")};
    channel.submit(batch, answers.take());
    CHECK(answers.seen.empty());
    CHECK(channel.capacity() == 1);
    channel.hold(false);
    channel.hold(false);
    CHECK(answers.seen.size() == 2);
    for (const auto& [id, kinds] : answers.seen) CHECK(kinds.size() == 1);
    CHECK(channel.capacity() == 3);
}

TEST_CASE("stopping ends what is on the wire as unknown and later attempts as not sent") {
    ScriptedChannel channel({});
    channel.hold(true);
    Answers answers;
    const std::vector<Attempt> first{attempt(1, "a")}, late{attempt(2, "b")};
    channel.submit(first, answers.take());
    channel.stop(TimePoint{});
    channel.submit(late, answers.take());
    channel.hold(false);
    CHECK(answers.seen[1] == std::vector{OutcomeClass::unknown});
    CHECK(answers.seen[2] == std::vector{OutcomeClass::transient});
    CHECK(channel.capacity() == 0);
    CHECK(channel.counts().count("b") == 0);
}

TEST_CASE("a script that throws leaves its attempt unknown and the others answered") {
    ScriptedChannel channel({}, [](const Attempt& a) -> Outcome {
        if (a.address == "bad") throw std::runtime_error("boom");
        return accepted();
    });
    Answers answers;
    const std::vector<Attempt> batch{attempt(1, "bad"), attempt(2, "good")};
    channel.submit(batch, answers.take());
    CHECK(answers.seen[1] == std::vector{OutcomeClass::unknown});
    CHECK(answers.seen[2] == std::vector{OutcomeClass::accepted});
}

TEST_CASE("a completion may submit again") {
    ScriptedChannel channel({});
    int answered = 0;
    const std::vector<Attempt> again{attempt(2, "b")};
    const std::vector<Attempt> batch{attempt(1, "a")};
    channel.submit(batch, [&](DeliveryId, Outcome) {
        ++answered;
        channel.submit(again, [&](DeliveryId, Outcome) { ++answered; });
    });
    CHECK(answered == 2);
}
