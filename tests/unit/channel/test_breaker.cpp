#include <doctest/doctest.h>

#include "tidegate/channel/breaker.hpp"

using namespace tidegate;

namespace {

Outcome made(OutcomeClass kind, Reason reason) {
    Outcome outcome;
    outcome.kind = kind;
    outcome.reason = reason;
    return outcome;
}
const Outcome good = accepted();
const Outcome gone = made(OutcomeClass::invalid_recipient, Reason::gone);
const Outcome bad_token = made(OutcomeClass::invalid_recipient, Reason::malformed);
const Outcome busy = made(OutcomeClass::throttled, Reason::rate);

}  // namespace

TEST_CASE("dead addresses never trip the breaker, however many") {
    RatioBreaker breaker;
    for (const Reason reason : {Reason::gone, Reason::unreachable, Reason::opted_out, Reason::not_capable}) {
        for (int i = 0; i < 5000; ++i) CHECK_FALSE(breaker.record(made(OutcomeClass::invalid_recipient, reason)));
    }
    CHECK_FALSE(breaker.tripped());
}

TEST_CASE("every suspicious reason trips after 20 in a row") {
    for (const Reason reason :
         {Reason::malformed, Reason::wrong_app, Reason::payload, Reason::template_missing, Reason::template_mismatch,
          Reason::config, Reason::client_bug, Reason::credential, Reason::account_blocked}) {
        RatioBreaker breaker;
        CAPTURE(to_string(reason));
        for (int i = 0; i < 19; ++i) REQUIRE_FALSE(breaker.record(made(OutcomeClass::rejected, reason)));
        const auto why = breaker.record(made(OutcomeClass::rejected, reason));
        REQUIRE(why);
        CHECK(why->find(to_string(reason)) == 0);
        CHECK(breaker.tripped());
        CHECK_FALSE(breaker.record(made(OutcomeClass::rejected, reason)));  // says it once
    }
}

TEST_CASE("an accepted message breaks a row; dead addresses and throttling do not") {
    RatioBreaker breaker;
    for (int i = 0; i < 19; ++i) CHECK_FALSE(breaker.record(bad_token));
    CHECK_FALSE(breaker.record(good));
    for (int i = 0; i < 19; ++i) {
        CHECK_FALSE(breaker.record(bad_token));
        CHECK_FALSE(breaker.record(gone));
        CHECK_FALSE(breaker.record(busy));
    }
    CHECK(breaker.record(bad_token));
}

TEST_CASE("a share of 5 % of the window trips, judged from 200 answers on") {
    RatioBreaker breaker;
    int bad = 0;
    int total = 0;
    while (!breaker.tripped() && total < 1000) {
        const bool suspicious = total % 10 == 0;  // 10 %
        bad += suspicious ? 1 : 0;
        ++total;
        (void)breaker.record(suspicious ? bad_token : good);
    }
    CHECK(total >= 200);
    CHECK(total <= 210);

    RatioBreaker patient;
    for (int i = 0; i < 20000; ++i) CHECK_FALSE(patient.record(i % 25 == 0 ? bad_token : good));  // 4 %
}

TEST_CASE("what has left the window no longer counts") {
    RatioBreaker breaker({.in_a_row = 1000, .window = 400, .ratio = 0.05});
    for (int i = 0; i < 9; ++i) CHECK_FALSE(breaker.record(bad_token));
    for (int i = 0; i < 391; ++i) CHECK_FALSE(breaker.record(good));
    for (int i = 0; i < 400; ++i) CHECK_FALSE(breaker.record(good));
    for (int i = 0; i < 19; ++i) CHECK_FALSE(breaker.record(bad_token));
    CHECK(breaker.record(bad_token));
}

TEST_CASE("a busy provider does not thin the share out") {
    RatioBreaker breaker;
    for (int i = 0; i < 190; ++i) CHECK_FALSE(breaker.record(good));
    for (int i = 0; i < 5000; ++i) CHECK_FALSE(breaker.record(busy));
    for (int i = 0; i < 9; ++i) CHECK_FALSE(breaker.record(bad_token));
    CHECK(breaker.record(bad_token));
}

TEST_CASE("a paused account trips at once") {
    RatioBreaker breaker;
    Outcome outcome = made(OutcomeClass::rejected, Reason::credential);
    outcome.pause_account = true;
    outcome.http_status = 403;
    outcome.code = "InvalidProviderToken";
    const auto why = breaker.record(outcome);
    REQUIRE(why);
    CHECK(why->find("403 InvalidProviderToken") != std::string::npos);
}

TEST_CASE("bare 400 and 404 answers are suspicious, other riddles are not") {
    Outcome bare = made(OutcomeClass::unknown, Reason::unmapped);
    RatioBreaker breaker;
    for (int i = 0; i < 1000; ++i) CHECK_FALSE(breaker.record(bare));
    bare.http_status = 404;
    for (int i = 0; i < 19; ++i) CHECK_FALSE(breaker.record(bare));
    CHECK(breaker.record(bare));
}

TEST_CASE("a code nobody listed stops the campaign when it comes again and again") {
    Outcome strange = made(OutcomeClass::unknown, Reason::unmapped);
    strange.http_status = 200;
    strange.code = "-123456";
    RatioBreaker breaker;
    for (int i = 0; i < 19; ++i) CHECK_FALSE(breaker.record(strange));
    const auto why = breaker.record(strange);
    REQUIRE(why);
    CHECK(why->find("200 -123456") != std::string::npos);

    RatioBreaker mixed;  // now and then it is one recipient's matter
    for (int i = 0; i < 1000; ++i) {
        CHECK_FALSE(mixed.record(i % 50 == 0 ? strange : made(OutcomeClass::accepted, Reason::queued)));
    }
}
