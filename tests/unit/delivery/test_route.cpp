#include <doctest/doctest.h>

#include "delivery/route.hpp"

using namespace tidegate;
using namespace tidegate::delivery;

namespace {

RouteStep step(std::size_t channel, std::string type, bool also = false) {
    RouteStep made;
    made.channel = channel;
    made.also = also;
    made.traits.address_type = std::move(type);
    return made;
}

LedgerRecipient person(std::vector<Address> addresses) {
    LedgerRecipient recipient;
    recipient.id = 7;
    recipient.person.key = "k7";
    recipient.person.addresses = std::move(addresses);
    return recipient;
}

LedgerDelivery ended(std::size_t step, Final outcome, Reason reason = Reason::gone, bool failover_ok = false) {
    LedgerDelivery delivery;
    delivery.id = delivery_id(7, step, 0);
    delivery.state = DeliveryState::done;
    delivery.outcome = outcome;
    delivery.last.reason = reason;
    delivery.last.failover_ok = failover_ok;
    return delivery;
}

const std::vector<RouteStep> ios_then_android{step(0, "apns"), step(1, "fcm")};
const LedgerRecipient both = person({{"apns", "a"}, {"fcm", "f"}});

}  // namespace

TEST_CASE("a delivery id gives back its parts") {
    const DeliveryId id = delivery_id(123456789, 3, 200);
    CHECK(recipient_of(id) == 123456789);
    CHECK(step_of(id) == 3);
    CHECK(address_of(id) == 200);
}

TEST_CASE("the first step with an address begins, and only that one") {
    CHECK(next_move(ios_then_android, both, {}, Purpose::informational).start == std::vector{delivery_id(7, 0, 0)});
    CHECK(next_move(ios_then_android, person({{"fcm", "f"}}), {}, Purpose::informational).start ==
          std::vector{delivery_id(7, 1, 0)});
}

TEST_CASE("a recipient without any usable address is finished at once") {
    const RouteMove move = next_move(ios_then_android, person({{"phone", "010"}}), {}, Purpose::informational);
    CHECK(move.finished);
    CHECK(move.outcome == Final::no_address);
}

TEST_CASE("a dead address fails over to the next channel") {
    const RouteMove move = next_move(ios_then_android, both, {ended(0, Final::invalid)}, Purpose::informational);
    CHECK(move.start == std::vector{delivery_id(7, 1, 0)});
    CHECK_FALSE(move.finished);
}

TEST_CASE("an accepted message ends the route") {
    const RouteMove move = next_move(ios_then_android, both, {ended(0, Final::accepted)}, Purpose::informational);
    CHECK(move.start.empty());
    CHECK(move.finished);
    CHECK(move.outcome == Final::accepted);
}

TEST_CASE("an unknown result never fails over: the message may have arrived") {
    const RouteMove move = next_move(ios_then_android, both, {ended(0, Final::unknown)}, Purpose::informational);
    CHECK(move.finished);
    CHECK(move.outcome == Final::unknown);
}

TEST_CASE("an opt-out is never gone around with an advertisement") {
    const LedgerDelivery opted_out = ended(0, Final::invalid, Reason::opted_out, true);
    CHECK(next_move(ios_then_android, both, {opted_out}, Purpose::advertising).finished);
    CHECK_FALSE(next_move(ios_then_android, both, {opted_out}, Purpose::informational).finished);
    CHECK(next_move(ios_then_android, both, {ended(0, Final::suppressed)}, Purpose::informational).finished);
}

TEST_CASE("a message the provider refuses for its content is refused everywhere") {
    CHECK(next_move(ios_then_android, both, {ended(0, Final::rejected, Reason::payload)}, Purpose::informational)
              .finished);
}

TEST_CASE("also-steps run besides and do not end the chain") {
    const std::vector<RouteStep> steps{step(0, "apns"), step(1, "fcm", true)};
    const RouteMove move = next_move(steps, both, {}, Purpose::informational);
    CHECK(move.start == std::vector{delivery_id(7, 0, 0), delivery_id(7, 1, 0)});

    LedgerDelivery open = ended(1, Final::pending);
    open.state = DeliveryState::waiting;
    CHECK_FALSE(next_move(steps, both, {ended(0, Final::accepted), open}, Purpose::informational).finished);
    const RouteMove over =
        next_move(steps, both, {ended(0, Final::accepted), ended(1, Final::invalid)}, Purpose::informational);
    CHECK(over.finished);
    CHECK(over.outcome == Final::accepted);
}

TEST_CASE("every distinct address of a type is a delivery, and the best one counts") {
    const LedgerRecipient two = person({{"apns", "a"}, {"apns", "b"}, {"apns", "a"}});
    CHECK(next_move(ios_then_android, two, {}, Purpose::informational).start.size() == 2);
    LedgerDelivery second = ended(0, Final::accepted);
    second.id = delivery_id(7, 0, 1);
    CHECK(next_move(ios_then_android, two, {ended(0, Final::invalid), second}, Purpose::informational).outcome ==
          Final::accepted);
}

TEST_CASE("an opt-out on one device closes the route for all of them") {
    const LedgerRecipient two = person({{"apns", "a"}, {"apns", "b"}, {"fcm", "f"}});
    LedgerDelivery gone = ended(0, Final::invalid);
    gone.id = delivery_id(7, 0, 1);
    const LedgerDelivery opted_out = ended(0, Final::invalid, Reason::opted_out, true);
    CHECK(next_move(ios_then_android, two, {opted_out, gone}, Purpose::advertising).finished);
    CHECK_FALSE(next_move(ios_then_android, two, {opted_out, gone}, Purpose::informational).finished);
    CHECK(next_move(ios_then_android, two, {ended(0, Final::suppressed), gone}, Purpose::informational).finished);
}

TEST_CASE("a channel that may use the key does so only without an address of its own") {
    ChannelTraits traits;
    traits.address_type = "webhook";
    traits.address_may_be_key = true;
    CHECK(addresses_for(both.person, traits) == std::vector<std::string>{"k7"});
    CHECK(addresses_for(person({{"webhook", "w"}}).person, traits) == std::vector<std::string>{"w"});
}
