#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "channel/in_flight.hpp"
#include "tidegate/testing/manual_clock.hpp"

using namespace tidegate;
using channel::InFlight;

TEST_CASE("an attempt is completed exactly once, whoever comes first") {
    constexpr std::size_t count = 2000;
    InFlight in_flight;
    std::vector<std::atomic<int>> told(count);
    const auto done = std::make_shared<const Completion>([&](DeliveryId id, const Outcome&) { ++told[id]; });
    std::vector<InFlight::Ticket> tickets;
    for (std::size_t i = 0; i < count; ++i) tickets.push_back(in_flight.open(i, done));
    std::thread answers([&] {
        for (const auto ticket : tickets) in_flight.complete(ticket, accepted());
    });
    std::thread stop([&] {
        in_flight.close();
        in_flight.complete_all(ambiguous("stopped"));
    });
    answers.join();
    stop.join();
    for (const auto& times : told) CHECK(times == 1);
    CHECK(in_flight.active() == 0);
    CHECK(in_flight.drain(testing::ManualClock(), TimePoint{}));
}

TEST_CASE("nothing is taken after closing, and nothing is told twice") {
    InFlight in_flight;
    int told = 0;
    const auto done = std::make_shared<const Completion>([&](DeliveryId, const Outcome&) { ++told; });
    const auto ticket = in_flight.open(1, done);
    in_flight.close();
    CHECK(in_flight.open(2, done) == 0);
    const testing::ManualClock clock;
    CHECK_FALSE(in_flight.drain(clock, clock.now()));
    in_flight.complete(ticket, accepted());
    in_flight.complete(ticket, accepted());
    in_flight.complete_all(accepted());
    CHECK(told == 1);
    CHECK(in_flight.drain(clock, clock.now()));
}

TEST_CASE("a stream is free again when its completion is told, and a throwing host harms nobody") {
    InFlight in_flight;
    std::size_t active = 99;
    const auto done = std::make_shared<const Completion>([&](DeliveryId, const Outcome&) {
        active = in_flight.active();
        throw std::runtime_error("host");
    });
    in_flight.complete(in_flight.open(1, done), accepted());
    CHECK(active == 0);
}
