#include "tidegate/ledger/types.hpp"

#include "tidegate/ledger/ledger.hpp"

namespace tidegate {

std::string_view to_string(Final outcome) {
    switch (outcome) {
        case Final::pending:
            return "pending";
        case Final::accepted:
            return "accepted";
        case Final::delivered:
            return "delivered";
        case Final::undelivered:
            return "undelivered";
        case Final::invalid:
            return "invalid";
        case Final::rejected:
            return "rejected";
        case Final::failed:
            return "failed";
        case Final::expired:
            return "expired";
        case Final::unknown:
            return "unknown";
        case Final::suppressed:
            return "suppressed";
        case Final::no_consent:
            return "no_consent";
        case Final::no_address:
            return "no_address";
    }
    return "pending";
}

namespace {

/// 0 is best. Pending is last: it says nothing yet, so folding may start from it.
int rank(Final outcome) {
    switch (outcome) {
        case Final::delivered:
            return 0;
        case Final::accepted:
            return 1;
        case Final::unknown:
            return 2;
        case Final::undelivered:
            return 3;
        case Final::failed:
            return 4;
        case Final::expired:
            return 5;
        case Final::rejected:
            return 6;
        case Final::invalid:
            return 7;
        case Final::suppressed:
            return 8;
        case Final::no_consent:
            return 9;
        case Final::no_address:
            return 10;
        case Final::pending:
            return 11;
    }
    return 12;
}

}  // namespace

Final better(Final a, Final b) {
    return rank(b) < rank(a) ? b : a;
}

bool LedgerBatch::empty() const {
    return deliveries.empty() && finals.empty() && cohorts.empty() && tallies.empty() && backend_ticks.empty() &&
           ticks.empty() && holds.empty() && backends.empty() && events.empty() && meta.empty() && attempts == 0 &&
           elapsed_s == 0;
}

}  // namespace tidegate
