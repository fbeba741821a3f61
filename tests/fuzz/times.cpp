// Times as people and servers write them: durations, RFC 3339, consent cells and Retry-After.
#include <chrono>

#include "fuzz/fuzz.hpp"
#include "net/http.hpp"
#include "tidegate/audience/recipient.hpp"
#include "tidegate/base/text.hpp"

using namespace tidegate;
using namespace std::chrono_literals;
using tidegate::fuzz::require;

namespace {

void check_duration(std::string_view text) {
    const auto duration = parse_duration(text);
    if (!duration) return;
    require(*duration >= Duration::zero() && *duration <= 24h * 366 * 100, "a duration is at most a hundred years");
    require(!format_duration(*duration).empty(), "a duration can be written");
}

void check_calendar(WallTime moment) {
    for (const char* zone : {"Asia/Seoul", "America/New_York"}) {
        const auto minute = local_minute_of_day(moment, zone);
        require(minute && *minute >= 0 && *minute < 24 * 60, "a moment has its minute in every zone");
        require(bool(format_local(moment, zone)), "a moment can be told in every zone");
        const auto next = next_local_minute(moment, zone, *minute);
        require(next && *next > moment && *next - moment <= 49h, "the same minute comes again within two days");
    }
}

void check_moment(std::string_view text) {
    const auto moment = parse_wall_time(text);
    std::optional<WallTime> given_at;
    const Consent consent = parse_consent(text, given_at);
    require(!given_at || consent == Consent::given, "a dated consent is given");
    if (!moment) return;
    require(consent == Consent::given && given_at == *moment, "a cell with a time is a consent of that time");
    const std::string written = format_wall_time(*moment);
    // An offset can carry the first and the last day of the calendar out of its four digits.
    if (written.size() == 24) {
        const auto again = parse_wall_time(written);
        require(again && *again == *moment, "what was written is read as the same moment");
    }
    check_calendar(*moment);
}

void check_retry_after(std::string_view text) {
    net::HttpResponse response;
    response.headers = {{"retry-after", std::string(text)}};
    const WallTime now{std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)};
    const auto wait = response.retry_after(now);
    if (wait) require(*wait >= Duration::zero() && *wait <= 24h * 366, "a wait lies within a year");
    const auto later = response.retry_after(now + 1h);
    if (wait && later) require(*later <= *wait && *wait - *later <= 1h, "a wait shrinks as time passes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    check_duration(text);
    check_moment(text);
    check_retry_after(text);
    return 0;
}
