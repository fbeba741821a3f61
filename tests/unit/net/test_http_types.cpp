#include <doctest/doctest.h>

#include "net/http.hpp"
#include "tidegate/base/text.hpp"

using namespace tidegate;
using namespace tidegate::net;
using namespace std::chrono_literals;

namespace {

std::optional<Duration> wait_for(std::string value) {
    HttpResponse response;
    response.headers = {{"content-type", "text/plain"}, {"retry-after", std::move(value)}, {"retry-after", "7"}};
    return response.retry_after(*parse_wall_time("1994-11-06T08:49:07Z"));
}

}  // namespace

TEST_CASE("a header is found by its lower-case name, the first of several") {
    HttpResponse response;
    response.headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
    CHECK(response.header("a") == "1");
    CHECK(response.header("c").empty());
    CHECK_FALSE(response.retry_after(WallTime{}));
}

TEST_CASE("Retry-After is seconds or one of the three dates of RFC 9110") {
    CHECK(wait_for("120") == 120s);
    CHECK(wait_for(" 0 ") == 0s);
    CHECK(wait_for("Sun, 06 Nov 1994 08:49:37 GMT") == 30s);
    CHECK(wait_for("Sunday, 06-Nov-94 08:49:37 GMT") == 30s);
    CHECK(wait_for("Sun Nov  6 08:49:37 1994") == 30s);
    CHECK(wait_for("Sun, 06 Nov 1994 08:00:00 GMT") == 0s);  // already past
}

TEST_CASE("a Retry-After that makes no sense is none") {
    for (const auto* nonsense : {"", " ", "-5", "soon", "1.5", "120 s", "99999999999999999999999", "99999999999",
                                 "Sun, 06 Nov 2094 08:49:37 GMT", ":", "12:xx", "Sun Nov 06 08:49:37 666666026"}) {
        CAPTURE(std::string(nonsense));
        CHECK_FALSE(wait_for(nonsense));
    }
}
