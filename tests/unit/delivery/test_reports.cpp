#include <doctest/doctest.h>

#include "delivery/awaited_reports.hpp"
#include "delivery/reports.hpp"
#include "delivery/route.hpp"
#include "delivery/unwritten.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using namespace std::chrono_literals;

namespace {

constexpr DeliveryId id = delivery_id(7, 0, 0);

LedgerDelivery taken(Outcome last = accepted("G1/M1"), Final outcome = Final::accepted) {
    LedgerDelivery delivery;
    delivery.id = id;
    delivery.state = DeliveryState::done;
    delivery.attempts = 2;
    delivery.outcome = outcome;
    delivery.last = std::move(last);
    return delivery;
}

channel::VendorReport report(OutcomeClass kind, Reason reason, std::uint32_t attempt = 2) {
    Outcome outcome;
    outcome.kind = kind;
    outcome.reason = reason;
    outcome.phase = Phase::report;
    return {{"0123456789abcdef", id, attempt}, outcome};
}

const auto arrived = report(OutcomeClass::accepted, Reason::delivered);
const auto absent = report(OutcomeClass::invalid_recipient, Reason::not_capable);

}  // namespace

TEST_CASE("a report decides what the vendor took, keeps its name, and is told once") {
    LedgerDelivery delivery = taken();
    REQUIRE(take_report(delivery, arrived));
    CHECK(delivery.outcome == Final::delivered);
    CHECK(delivery.last.provider_id == "G1/M1");
    CHECK_FALSE(take_report(delivery, arrived));
    CHECK_FALSE(take_report(delivery, absent));  // the first word stands
    CHECK(delivery.outcome == Final::delivered);
}

TEST_CASE("a report of an earlier try, or of something not decided yet, changes nothing") {
    for (const auto& said :
         {report(OutcomeClass::accepted, Reason::delivered, 1), report(OutcomeClass::accepted, Reason::queued),
          report(OutcomeClass::unknown, Reason::pending)}) {
        LedgerDelivery delivery = taken();
        CHECK_FALSE(take_report(delivery, said));
        CHECK(delivery == taken());
    }
}

TEST_CASE("doubt is settled by a report, and so is a report that came too late") {
    LedgerDelivery doubtful = taken(ambiguous("no answer"), Final::unknown);
    CHECK(take_report(doubtful, arrived));
    CHECK(doubtful.outcome == Final::delivered);
    LedgerDelivery given_up = taken(report(OutcomeClass::unknown, Reason::pending).outcome, Final::unknown);
    CHECK(take_report(given_up, absent));
    CHECK(given_up.outcome == Final::undelivered);
}

TEST_CASE("what is under way, refused or dead waits for no report") {
    LedgerDelivery under_way = taken();
    under_way.state = DeliveryState::intended;
    CHECK_FALSE(open_to_report(under_way));
    for (const Final outcome : {Final::rejected, Final::invalid, Final::failed, Final::expired})
        CHECK_FALSE(open_to_report(taken({}, outcome)));
    CHECK_FALSE(open_to_report(taken({}, Final::unknown)));  // an answer no table knows: nobody will say more
}

TEST_CASE("an account that was refused may be gone around, by information only") {
    LedgerDelivery ended = taken({}, Final::undelivered);
    ended.last.pause_account = true;
    CHECK(may_fail_over(ended, Purpose::informational));
    CHECK_FALSE(may_fail_over(ended, Purpose::advertising));
}

TEST_CASE("a request is asked about at growing distances until all of its messages have their reports") {
    AwaitedReports owed;
    const TimePoint start{100s};
    const AwaitedReports::Request request{1, "G1"};
    const auto any = [](std::size_t) { return true; };
    owed.expect(request, start);
    owed.expect(request, start);
    owed.expect({0, ""}, start);  // without a name nobody can be asked
    CHECK(owed.due(start, 9, any).empty());
    CHECK(owed.due(start + 500ms, 9, [](std::size_t account) { return account == 0; }).empty());
    CHECK(owed.due(start + 500ms, 9, any) == std::vector{request});
    CHECK(owed.due(start + 1400ms, 9, any).empty());
    CHECK(owed.due(start + 1500ms, 9, any).size() == 1);
    TimePoint at = start + 1500ms;
    for (int i = 0; i < 10; ++i) {  // never later than that
        at += 10s;
        CHECK(owed.due(at, 9, any).size() == 1);
    }
    owed.settle(request);
    CHECK_FALSE(owed.empty());
    owed.settle(request);
    CHECK(owed.empty());
    owed.settle(request);  // told twice
}

TEST_CASE("whoever was closed in memory is known until the disk has it") {
    Unwritten unwritten;
    unwritten.closed(7, 3);
    unwritten.closed(8, 3);
    unwritten.closed(7, 5);  // taken up and closed again
    unwritten.written(2);
    CHECK(unwritten.contains(8));
    unwritten.written(4);
    CHECK_FALSE(unwritten.contains(8));
    CHECK(unwritten.contains(7));
    unwritten.written(5);
    CHECK_FALSE(unwritten.contains(7));
}
