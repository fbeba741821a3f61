#include <doctest/doctest.h>

#include <memory>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

using namespace tidegate;

TEST_CASE("an error tells where, what and what to do, leaving out what is empty") {
    CHECK(Error{Errc::invalid, "bad", "site.toml:3", "fix it"}.text() == "site.toml:3: bad (fix it)");
    CHECK(Error{Errc::invalid, "bad", "", "fix it"}.text() == "bad (fix it)");
    CHECK(Error{Errc::invalid, "bad", "x", ""}.text() == "x: bad");
    CHECK(Error{}.text().empty());
}

TEST_CASE("a result holds a value or an error") {
    const Result<std::string> good(std::string("v"));
    CHECK(good);
    CHECK(*good == "v");
    const Result<std::string> bad(Error{Errc::refused, "no", "", ""});
    CHECK_FALSE(bad);
    CHECK(bad.value_or("other") == "other");
    CHECK_THROWS_AS(*bad, std::bad_variant_access);
    Result<std::unique_ptr<int>> movable(std::make_unique<int>(3));
    CHECK(*std::move(*std::move(movable)) == 3);
    const Result<void> done;
    CHECK(done);
    const Result<void> undone(Error{Errc::stopped, "", "", ""});
    CHECK(undone.error().code == Errc::stopped);
}

TEST_CASE("waiting ends at once when the deadline has passed or a stop was asked for") {
    std::stop_source stop;
    CHECK(system_clock().wait_until(system_clock().now(), stop.get_token()));
    stop.request_stop();
    CHECK_FALSE(system_clock().wait_until(TimePoint::max(), stop.get_token()));
    CHECK(&system_clock() == &system_clock());
}
