#include "delivery/eligibility.hpp"

#include "tidegate/base/text.hpp"

namespace tidegate::delivery {

namespace {

constexpr int night_begins = 21 * 60;
constexpr int night_ends = 8 * 60;
constexpr auto a_day = std::chrono::hours(24);
constexpr auto consent_lasts = std::chrono::hours(24) * 730;

}  // namespace

Result<Hours> hours_at(WallTime now, const std::string& zone) {
    Result<int> minute = local_minute_of_day(now, zone);
    if (!minute) return minute.error();
    const bool night = *minute >= night_begins || *minute < night_ends;
    const Result<WallTime> until = next_local_minute(now, zone, night ? night_ends : night_begins);
    if (!until) return until.error();
    return Hours{night, *until};
}

Eligibility eligible(const Recipient& person, Purpose purpose, const Hours& hours, WallTime now) {
    if (purpose != Purpose::advertising) return {};
    const bool stale = person.consent_at && *person.consent_at + consent_lasts < now;
    const bool to_come =
        person.consent_at && *person.consent_at > now + a_day;  // zones may differ by a day, not by more
    if (person.consent != Consent::given || stale || to_come) return {Eligibility::Kind::skip, {}, Final::no_consent};
    if (hours.night && person.night_consent != Consent::given) {
        return {Eligibility::Kind::wait, hours.until, Final::pending};
    }
    return {};
}

}  // namespace tidegate::delivery
