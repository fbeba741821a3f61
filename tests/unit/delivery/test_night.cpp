// Advertising hours on a manual clock: who may be sent to in which minute, and a whole run that crosses the evening.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "delivery/campaign_run.hpp"
#include "ledger/memory_ledger.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/testing/manual_clock.hpp"
#include "tidegate/testing/scripted_channel.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using namespace std::chrono_literals;

namespace {

WallTime at(const std::string& text) {
    return *parse_wall_time(text);
}

struct Night {
    const char* zone;
    const char* falls;
    const char* ends;
};

// Nights of every kind: without summer time, into it, out of it, by an hour and by half an hour, in both hemispheres.
const std::vector<Night> nights = {
    {"Asia/Seoul", "2026-11-23T21:00:00+09:00", "2026-11-24T08:00:00+09:00"},
    {"America/New_York", "2026-03-07T21:00:00-05:00", "2026-03-08T08:00:00-04:00"},     // 10 hours
    {"America/New_York", "2026-10-31T21:00:00-04:00", "2026-11-01T08:00:00-05:00"},     // 12 hours
    {"Europe/Berlin", "2026-03-28T21:00:00+01:00", "2026-03-29T08:00:00+02:00"},        // 10 hours
    {"Europe/Berlin", "2026-10-24T21:00:00+02:00", "2026-10-25T08:00:00+01:00"},        // 12 hours
    {"Australia/Lord_Howe", "2026-10-03T21:00:00+10:30", "2026-10-04T08:00:00+11:00"},  // 10.5 hours
    {"Australia/Lord_Howe", "2026-04-04T21:00:00+11:00", "2026-04-05T08:00:00+10:30"},  // 11.5 hours
    {"Asia/Kathmandu", "2026-06-30T21:00:00+05:45", "2026-07-01T08:00:00+05:45"},
    {"Pacific/Chatham", "2026-09-26T21:00:00+12:45", "2026-09-27T08:00:00+13:45"},
};

/// What reached the provider, and when.
struct Arrival {
    WallTime at;
    std::string key;
};

/// One run over one channel, its threads done in turn on a clock that moves when told.
struct Evening {
    struct Setup {
        Purpose purpose = Purpose::advertising;
        std::string zone = "Asia/Seoul";
        std::size_t people = 0;
        std::size_t night_owls = 10;  // every tenth agreed to the night
        double per_second = 2;
        std::size_t batch_limit = 1;
        std::optional<WallTime> deadline = std::nullopt;
        testing::ScriptedChannel::Script script = {};
    };

    testing::ManualClock clock;
    Log log{{}};
    Setup setup;
    std::vector<Arrival> arrivals;
    std::shared_ptr<testing::ScriptedChannel> channel;
    std::unique_ptr<Account> account;
    ledger::MemoryLedger ledger;
    std::shared_ptr<CampaignRun> run;

    Evening(WallTime start, Setup wanted) : clock(start), setup(std::move(wanted)) {
        ChannelTraits traits;
        traits.kind = "custom";
        traits.address_type = "push";
        traits.collapsible = true;
        traits.batch_limit = setup.batch_limit;
        channel = std::make_shared<testing::ScriptedChannel>(traits, [this](const Attempt& attempt) {
            arrivals.push_back({clock.wall(), attempt.key});
            return setup.script ? setup.script(attempt) : accepted();
        });
        ChannelOptions options;
        options.name = "push";
        account = std::make_unique<Account>(options, channel);

        RunParts parts;
        parts.campaign.id = "evening";
        parts.campaign.purpose = setup.purpose;
        parts.campaign.zone = setup.zone;
        parts.campaign.deadline = setup.deadline;
        parts.campaign.message.body = "hello";
        parts.campaign.message.collapse = "c";
        parts.campaign.send = {{"push", false}};
        parts.campaign.response = {0.1, 1s, 0.8};
        parts.messages.push_back(*MessageTemplate::compile(parts.campaign.message));
        parts.accounts = {account.get()};
        parts.steps = {{0, false, traits}};
        for (std::size_t i = 1; i <= setup.people; ++i) {
            LedgerRecipient one;
            one.person.key = (owl(i) ? "owl" : "lark") + std::to_string(i);
            one.person.addresses = {{"push", "a" + std::to_string(i)}};
            one.person.consent = Consent::given;
            one.person.night_consent = owl(i) ? Consent::given : Consent::none;
            ledger.add(std::move(one));
        }
        parts.totals = ledger.totals();
        CohortRecord everybody;
        everybody.label = "cohort 1";
        everybody.recipients = setup.people;
        parts.cohorts = {everybody};
        parts.seed = 7;
        parts.ledger = std::make_unique<ledger::MemoryLedger>(ledger);
        run = std::make_shared<CampaignRun>(
            std::move(parts), clock, log, [] {}, [] {});
    }
    ~Evening() { run->abandon(); }

    bool owl(std::size_t i) const { return i % setup.night_owls == 0; }

    void decide() {
        const TimePoint soon = clock.now() + 1s;
        run->set_pace({{Rate{setup.per_second}, soon, "the test's pace"}, {{"push", Rate{100000}, soon, ""}}});
        run->feed();
    }
    void write() {
        while (run->write()) {
        }
    }
    void turn() {
        decide();
        write();
    }
    /// Lives until `end`, looking every `step`, or until the run has ended.
    void live_until(WallTime end, Duration step = 100ms) {
        while (clock.wall() < end && !run->ended()) {
            turn();
            clock.advance(std::min<Duration>(step, end - clock.wall()));
        }
    }
    std::uint64_t count(Final outcome) const {
        return run->progress().totals.outcomes[static_cast<std::size_t>(outcome)];
    }
    /// How many of `kind` ("owl", "lark") came within [from, to).
    std::size_t came(const std::string& kind, WallTime from, WallTime to) const {
        return static_cast<std::size_t>(std::count_if(arrivals.begin(), arrivals.end(), [&](const Arrival& one) {
            return one.key.starts_with(kind) && one.at >= from && one.at < to;
        }));
    }
};

}  // namespace

TEST_CASE("night falls at 21:00 and ends at 08:00 by the clock on the wall, summer time or not") {
    for (const Night& night : nights) {
        CAPTURE(night.zone);
        CAPTURE(night.falls);
        const WallTime falls = at(night.falls), ends = at(night.ends);
        CHECK(*hours_at(falls - 1ms, night.zone) == Hours{false, falls});
        CHECK(*hours_at(falls, night.zone) == Hours{true, ends});
        CHECK(*hours_at(ends - 1ms, night.zone) == Hours{true, ends});
        CHECK_FALSE(hours_at(ends, night.zone)->night);
        CHECK(hours_at(ends, night.zone)->until > ends + 11h);
    }
}

TEST_CASE("what hours say holds until the moment they name, all year round") {
    for (const char* zone : {"Asia/Seoul", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"}) {
        CAPTURE(zone);
        WallTime now = at("2026-01-01T00:00:00Z");
        int changes = 0;
        for (; now < at("2027-01-01T00:00:00Z"); ++changes) {
            const Hours hours = *hours_at(now, zone);
            REQUIRE(hours.until > now);
            REQUIRE(hours_at(hours.until - 1ms, zone)->night == hours.night);
            REQUIRE(hours_at(hours.until, zone)->night != hours.night);
            now = hours.until;
        }
        CHECK(changes >= 730);
        CHECK(changes <= 732);
    }
}

TEST_CASE("who may be sent to at which minute") {
    struct Row {
        Purpose purpose;
        bool night_consent;
        const char* time;
        Eligibility::Kind kind;
    };
    using Kind = Eligibility::Kind;
    const std::vector<Row> rows = {
        {Purpose::advertising, false, "20:49:59", Kind::go},   {Purpose::advertising, false, "20:50:00", Kind::go},
        {Purpose::advertising, false, "20:59:59", Kind::go},   {Purpose::advertising, false, "21:00:00", Kind::wait},
        {Purpose::advertising, false, "23:59:59", Kind::wait}, {Purpose::advertising, false, "07:59:59", Kind::wait},
        {Purpose::advertising, false, "08:00:00", Kind::go},   {Purpose::advertising, true, "21:00:00", Kind::go},
        {Purpose::advertising, true, "03:00:00", Kind::go},    {Purpose::informational, false, "20:50:00", Kind::go},
        {Purpose::informational, false, "21:00:00", Kind::go}, {Purpose::transactional, false, "03:00:00", Kind::go},
    };
    for (const Row& row : rows) {
        CAPTURE(row.time);
        CAPTURE(to_string(row.purpose));
        const WallTime now = at(std::string("2026-11-23T") + row.time + "+09:00");
        Recipient person;
        person.consent = Consent::given;
        person.night_consent = row.night_consent ? Consent::given : Consent::none;
        CHECK(eligible(person, row.purpose, *hours_at(now, "Asia/Seoul"), now).kind == row.kind);
    }
}

TEST_CASE("an advertisement that crosses 20:50 and 21:00 stops for those who must not hear it, and says so") {
    const WallTime night = at("2026-11-23T21:00:00+09:00"), morning = at("2026-11-24T08:00:00+09:00");
    Evening evening(night - 15min, {.people = 3000});
    evening.live_until(night);
    CHECK(evening.came("lark", night - 10min, night) > 1000);  // 20:50 is Kakao's hour, not the law's
    CHECK(evening.arrivals.size() == doctest::Approx(1800).epsilon(0.01));
    CHECK(evening.run->progress().reason == "the test's pace");

    evening.live_until(night + 5s);
    CHECK(evening.run->progress().reason ==
          "at night only who agreed to it; the others from 2026-11-24 08:00:00 (Asia/Seoul)");
    evening.live_until(night + 10min, 1s);
    CHECK(evening.came("lark", night, morning) == 0);
    CHECK(evening.came("owl", night - 15min, morning) == 300);
    const std::uint64_t left = 3000 - evening.arrivals.size();
    CHECK(left == evening.count(Final::pending));
    CHECK(evening.run->progress().reason ==
          "quiet hours until 2026-11-24 08:00:00 (Asia/Seoul), " + std::to_string(left) + " recipients left");
    CHECK_FALSE(evening.run->ended());

    evening.live_until(morning, 10s);
    CHECK(evening.came("lark", night, morning) == 0);
    evening.live_until(morning + 10s);
    CHECK(evening.came("lark", morning, morning + 10s) == doctest::Approx(20).epsilon(0.2));
    evening.live_until(morning + 30min);
    REQUIRE(evening.run->ended());
    CHECK(evening.run->wait(0s)->exit_code == 0);
    CHECK(evening.count(Final::accepted) == 3000);
    CHECK(evening.arrivals.size() == 3000);
}

TEST_CASE("information goes on through the night") {
    const WallTime night = at("2026-11-23T21:00:00+09:00");
    Evening evening(night - 30s, {.purpose = Purpose::informational, .people = 200});
    evening.live_until(night + 10min);
    REQUIRE(evening.run->ended());
    CHECK(evening.run->wait(0s)->exit_code == 0);
    CHECK(evening.came("lark", night, night + 10min) > 100);
    CHECK(evening.count(Final::accepted) == 200);
}

TEST_CASE("in every zone the run stops with the last second of the day and goes on with the first of the morning") {
    for (const Night& night : nights) {
        CAPTURE(night.zone);
        CAPTURE(night.falls);
        const WallTime falls = at(night.falls), ends = at(night.ends);
        Evening evening(falls - 10s, {.zone = night.zone, .people = 60, .night_owls = 1000});
        evening.live_until(falls);
        CHECK(evening.arrivals.size() == doctest::Approx(20).epsilon(0.11));
        evening.live_until(ends, 20s);
        CHECK(evening.came("lark", falls, ends) == 0);
        evening.live_until(ends + 2s);
        CHECK(evening.came("lark", ends, ends + 2s) > 0);
        evening.live_until(ends + 1min);
        CHECK(evening.count(Final::accepted) == 60);
    }
}

TEST_CASE("a deadline in the night ends the run once nobody may be sent to before it, with 4 and who is left") {
    const WallTime night = at("2026-11-23T21:00:00+09:00");
    Evening evening(night - 10s, {.people = 40, .deadline = night + 2h});
    evening.live_until(night + 30min);
    REQUIRE(evening.run->ended());
    const RunResult result = *evening.run->wait(0s);
    CHECK(result.exit_code == 4);
    CHECK(result.state == RunState::incomplete);
    const std::uint64_t left = evening.count(Final::pending);
    CHECK(left > 0);
    CHECK(result.why == "quiet hours until 2026-11-24 08:00:00 (Asia/Seoul), " + std::to_string(left) +
                            " recipients left, after the deadline");
    CHECK(evening.came("owl", night - 10s, night + 30min) == 4);  // they had their turn before
}

TEST_CASE("a deadline before the night, and one in the morning, end the run with 4 when they have passed") {
    const WallTime night = at("2026-11-23T21:00:00+09:00"), morning = at("2026-11-24T08:00:00+09:00");
    Evening before(night - 30s, {.people = 100, .deadline = night - 20s});
    before.live_until(night);
    REQUIRE(before.run->ended());
    CHECK(before.run->wait(0s)->exit_code == 4);
    CHECK(before.run->wait(0s)->why ==
          "the deadline has passed with " + std::to_string(before.count(Final::pending)) + " recipients pending");
    CHECK(before.came("", night - 20s, night) == 0);

    Evening next_day(night - 10s, {.people = 100, .deadline = morning + 10s});
    next_day.live_until(morning, 10s);
    CHECK_FALSE(next_day.run->ended());  // it can still reach some
    next_day.live_until(morning + 1min);
    REQUIRE(next_day.run->ended());
    CHECK(next_day.run->wait(0s)->exit_code == 4);
    CHECK(next_day.came("", morning, morning + 10s) > 10);
    CHECK(next_day.count(Final::pending) > 0);
}

TEST_CASE("a retry that comes due at night waits for the morning, or for a deadline that ends it") {
    const WallTime night = at("2026-11-23T21:00:00+09:00"), morning = at("2026-11-24T08:00:00+09:00");
    const auto busy_at_first = [](const Attempt& attempt) {
        Outcome busy;
        busy.kind = OutcomeClass::throttled;
        busy.reason = Reason::device_rate;
        busy.retry_after = 1min;
        return attempt.number == 1 ? busy : accepted();
    };
    Evening evening(night - 10s, {.people = 5, .night_owls = 1000, .script = busy_at_first});
    evening.live_until(night + 10min);
    CHECK(evening.arrivals.size() == 5);
    CHECK(evening.run->progress().reason == "quiet hours until 2026-11-24 08:00:00 (Asia/Seoul), 5 recipients left");
    evening.live_until(morning, 10s);
    CHECK(evening.arrivals.size() == 5);
    evening.live_until(morning + 1min);
    CHECK(evening.count(Final::accepted) == 5);

    Evening bounded(night - 10s, {.people = 5, .night_owls = 1000, .deadline = night + 1h, .script = busy_at_first});
    bounded.live_until(night + 10min);
    REQUIRE(bounded.run->ended());
    CHECK(bounded.run->wait(0s)->exit_code == 4);
    CHECK(bounded.arrivals.size() == 5);
}

TEST_CASE("what becomes durable, or is gathered, only when night has fallen does not leave before the morning") {
    const WallTime night = at("2026-11-23T21:00:00+09:00"), morning = at("2026-11-24T08:00:00+09:00");
    for (const std::size_t batch_limit : {1U, 1000U}) {
        CAPTURE(batch_limit);
        Evening evening(night - 40ms, {.people = 20, .per_second = 1000, .batch_limit = batch_limit});
        evening.decide();  // intends
        evening.clock.advance(5ms);
        evening.decide();
        evening.clock.advance(batch_limit == 1 ? 35ms : 200ms);
        evening.turn();  // makes durable
        evening.live_until(night + 1min);
        CHECK(evening.came("lark", night, night + 1min) == 0);
        CHECK(evening.came("owl", night - 1min, night + 1min) == 2);
        evening.live_until(morning, 10s);
        evening.live_until(morning + 1min);
        CHECK(evening.count(Final::accepted) == 20);
        CHECK(evening.arrivals.size() == 20);
    }
}
