#include "delivery/judge.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::delivery {

namespace {

Verdict done(Final outcome) {
    return {DeliveryState::done, outcome, {}};
}

/// The provider's wish is a floor and chance spreads above it, so that a crowd told "wait 60 s" does not return at
/// once.
Verdict retry(const Outcome& answer, const Tries& tries, const RetryOptions& options, double chance) {
    const Duration floor = std::max(answer.retry_after.value_or(Duration{0}), answer.min_backoff);
    const double doubled = std::ldexp(Seconds(options.base).count(), static_cast<int>(std::min(tries.all(), 40U)) - 1);
    const double window = std::min(doubled, Seconds(options.cap).count());
    const double spread = std::max(window, Seconds(floor).count() * 0.25) * chance;
    return {DeliveryState::waiting, Final::pending, floor + std::chrono::duration_cast<Duration>(Seconds(spread))};
}

bool account_fault(const Outcome& answer) {
    switch (answer.reason) {
        case Reason::credential:
        case Reason::account_blocked:
        case Reason::balance:
        case Reason::config:
            return answer.scope != Scope::recipient;
        default:
            return answer.pause_account;
    }
}

}  // namespace

bool excused(const Outcome& answer) {
    const bool never_reached = answer.reason == Reason::network || answer.reason == Reason::shutdown;
    return answer.kind == OutcomeClass::throttled || (answer.kind == OutcomeClass::transient && never_reached);
}

Verdict judge(const Outcome& answer, const Tries& tries, OnUnknown policy, bool collapsible,
              const RetryOptions& options, double chance) {
    switch (answer.kind) {
        case OutcomeClass::accepted:
            return done(answer.reason == Reason::delivered || answer.reason == Reason::delivered_fallback
                            ? Final::delivered
                            : Final::accepted);
        case OutcomeClass::invalid_recipient:
            return done(answer.phase == Phase::report ? Final::undelivered : Final::invalid);
        case OutcomeClass::rejected:
            if (answer.reason == Reason::expired) return done(Final::expired);
            if (account_fault(answer) && tries.own < options.max_attempts) {
                return retry(answer, tries, options, chance);
            }
            return done(Final::rejected);
        case OutcomeClass::throttled:
            return tries.excused < options.max_throttled ? retry(answer, tries, options, chance) : done(Final::failed);
        case OutcomeClass::transient: {
            if (answer.reconcile) {  // the provider's own trouble, and it may have taken the message all the same
                const Verdict verdict = judge_doubt(policy, collapsible);
                if (verdict.state == DeliveryState::done) return verdict;
            }
            const bool patient = excused(answer);
            return (patient ? tries.excused < options.max_throttled : tries.own < options.max_attempts)
                       ? retry(answer, tries, options, chance)
                       : done(Final::failed);
        }
        case OutcomeClass::unknown:
            if (answer.reason == Reason::ambiguous_submit) {
                Verdict verdict = judge_doubt(policy, collapsible);
                if (verdict.state == DeliveryState::done) return verdict;
                return tries.own < options.max_attempts ? retry(answer, tries, options, chance) : done(Final::unknown);
            }
            return done(Final::unknown);
    }
    return done(Final::unknown);
}

std::optional<Final> judge_report(const Outcome& report) {
    switch (report.kind) {
        case OutcomeClass::accepted:
            if (report.reason == Reason::queued) return std::nullopt;
            return report.reason == Reason::duplicate ? Final::unknown : Final::delivered;
        case OutcomeClass::unknown:
            if (report.reason == Reason::pending) return std::nullopt;
            return Final::unknown;
        default:
            return Final::undelivered;
    }
}

Verdict judge_doubt(OnUnknown policy, bool collapsible) {
    const bool again = policy == OnUnknown::resend || (policy == OnUnknown::resend_if_collapsible && collapsible);
    return again ? Verdict{DeliveryState::waiting, Final::pending, {}} : done(Final::unknown);
}

}  // namespace tidegate::delivery
