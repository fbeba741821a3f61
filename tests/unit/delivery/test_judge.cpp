#include <doctest/doctest.h>

#include "delivery/judge.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using namespace std::chrono_literals;

namespace {

Outcome answer(OutcomeClass kind, Reason reason) {
    Outcome made;
    made.kind = kind;
    made.reason = reason;
    return made;
}

Verdict judged(const Outcome& outcome, std::uint32_t attempts = 1, OnUnknown policy = OnUnknown::resend_if_collapsible,
               bool collapsible = true, double chance = 0.5) {
    const Tries tries = excused(outcome) ? Tries{0, attempts} : Tries{attempts, 0};
    return judge(outcome, tries, policy, collapsible, RetryOptions{}, chance);
}

}  // namespace

TEST_CASE("what the provider accepted is final") {
    CHECK(judged(accepted()).outcome == Final::accepted);
    CHECK(judged(answer(OutcomeClass::accepted, Reason::delivered)).outcome == Final::delivered);
}

TEST_CASE("a refused recipient or payload is final and not retried") {
    CHECK(judged(answer(OutcomeClass::invalid_recipient, Reason::gone)).outcome == Final::invalid);
    CHECK(judged(answer(OutcomeClass::rejected, Reason::payload)).outcome == Final::rejected);
    CHECK(judged(answer(OutcomeClass::rejected, Reason::expired)).outcome == Final::expired);
}

TEST_CASE("a broken credential is not the recipient's fate: the delivery waits") {
    Outcome broken = answer(OutcomeClass::rejected, Reason::credential);
    broken.scope = Scope::account;
    CHECK(judged(broken).state == DeliveryState::waiting);
    CHECK(judged(broken, RetryOptions{}.max_attempts).outcome == Final::rejected);
}

TEST_CASE("retries are bounded and end as failed") {
    const Outcome trouble = answer(OutcomeClass::transient, Reason::server);
    CHECK(judged(trouble).state == DeliveryState::waiting);
    CHECK(judged(trouble, RetryOptions{}.max_attempts).outcome == Final::failed);
    CHECK(judged(answer(OutcomeClass::transient, Reason::network), RetryOptions{}.max_attempts).state ==
          DeliveryState::waiting);
    CHECK(judged(answer(OutcomeClass::throttled, Reason::rate), RetryOptions{}.max_attempts).state ==
          DeliveryState::waiting);
    CHECK(judged(answer(OutcomeClass::throttled, Reason::rate), RetryOptions{}.max_throttled).outcome == Final::failed);
}

TEST_CASE(
    "tries that the provider asked for patience do not shorten those it is at fault for, nor the other way round") {
    const RetryOptions options;
    const Outcome trouble = answer(OutcomeClass::transient, Reason::server);
    const Outcome busy = answer(OutcomeClass::throttled, Reason::rate);
    const auto state = [&](const Outcome& outcome, const Tries& tries) {
        return judge(outcome, tries, OnUnknown::never, false, options, 0.5).state;
    };
    CHECK(state(trouble, {1, options.max_throttled - 1}) == DeliveryState::waiting);
    CHECK(state(trouble, {options.max_attempts, 0}) == DeliveryState::done);
    CHECK(state(busy, {options.max_attempts - 1, 1}) == DeliveryState::waiting);
    CHECK(state(busy, {0, options.max_throttled}) == DeliveryState::done);
}

TEST_CASE("the provider's Retry-After and minimum are floors, and chance only adds") {
    Outcome throttled = answer(OutcomeClass::throttled, Reason::rate);
    throttled.retry_after = 60s;
    for (const double chance : {0.0, 0.3, 0.999}) {
        const Duration delay = judged(throttled, 1, OnUnknown::never, false, chance).delay;
        CHECK(delay >= 60s);
        CHECK(delay <= 75s);
    }
    Outcome slow = answer(OutcomeClass::transient, Reason::server);
    slow.min_backoff = 15min;
    CHECK(judged(slow, 1, OnUnknown::never, false, 0.0).delay >= 15min);
}

TEST_CASE("back-off doubles and is capped") {
    const Outcome trouble = answer(OutcomeClass::transient, Reason::network);
    RetryOptions patient;
    patient.max_attempts = 100;
    CHECK(judge(trouble, {1, 0}, OnUnknown::never, false, patient, 0.99).delay < 1s);
    CHECK(judge(trouble, {5, 0}, OnUnknown::never, false, patient, 0.99).delay > 15s);
    CHECK(judge(trouble, {90, 0}, OnUnknown::never, false, patient, 0.99).delay <= patient.cap);
}

TEST_CASE("doubt is settled by the policy alone") {
    const Outcome lost = ambiguous("time-out");
    CHECK(judged(lost, 1, OnUnknown::never, true).outcome == Final::unknown);
    CHECK(judged(lost, 1, OnUnknown::resend, false).state == DeliveryState::waiting);
    CHECK(judged(lost, 1, OnUnknown::resend_if_collapsible, true).state == DeliveryState::waiting);
    CHECK(judged(lost, 1, OnUnknown::resend_if_collapsible, false).outcome == Final::unknown);
    CHECK(judge_doubt(OnUnknown::never, true).outcome == Final::unknown);
    CHECK(judge_doubt(OnUnknown::resend_if_collapsible, false).outcome == Final::unknown);
    CHECK(judge_doubt(OnUnknown::resend, false).state == DeliveryState::waiting);
}

TEST_CASE("an answer nobody listed is unknown and is not repeated, whatever the policy") {
    CHECK(judged(answer(OutcomeClass::unknown, Reason::unmapped), 1, OnUnknown::resend).outcome == Final::unknown);
}

TEST_CASE("a provider's own trouble that may have taken the message is doubt") {
    Outcome trouble = answer(OutcomeClass::transient, Reason::server);
    trouble.reconcile = true;
    CHECK(judged(trouble, 1, OnUnknown::never, false).outcome == Final::unknown);
    CHECK(judged(trouble, 1, OnUnknown::resend_if_collapsible, false).outcome == Final::unknown);
    CHECK(judged(trouble, 1, OnUnknown::resend, false).state == DeliveryState::waiting);
    CHECK(judged(answer(OutcomeClass::transient, Reason::server), 1, OnUnknown::never, false).state ==
          DeliveryState::waiting);
}

TEST_CASE("a report decides, or says that nothing is decided yet") {
    CHECK(judge_report(answer(OutcomeClass::accepted, Reason::delivered)) == Final::delivered);
    CHECK(judge_report(answer(OutcomeClass::accepted, Reason::queued)) == std::nullopt);
    CHECK(judge_report(answer(OutcomeClass::accepted, Reason::duplicate)) == Final::unknown);
    CHECK(judge_report(answer(OutcomeClass::unknown, Reason::pending)) == std::nullopt);
    CHECK(judge_report(answer(OutcomeClass::unknown, Reason::unmapped)) == Final::unknown);
    CHECK(judge_report(answer(OutcomeClass::invalid_recipient, Reason::not_capable)) == Final::undelivered);
    CHECK(judge_report(answer(OutcomeClass::transient, Reason::server)) == Final::undelivered);
    CHECK(judge_report(answer(OutcomeClass::rejected, Reason::policy)) == Final::undelivered);
}
