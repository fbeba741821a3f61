#include <doctest/doctest.h>

#include "net/redis_address.hpp"

using namespace tidegate;
using namespace tidegate::net;

TEST_CASE("a plain address gives host, port, user and database, each with its default") {
    CHECK(*parse_redis_url("redis://cache") == RedisAddress{false, "", {{"cache", 6379}}, "", 0});
    CHECK(*parse_redis_url("rediss://tide@cache.bank:7000/3") ==
          RedisAddress{true, "tide", {{"cache.bank", 7000}}, "", 3});
    CHECK(*parse_redis_url("redis://[::1]:7001/") == RedisAddress{false, "", {{"::1", 7001}}, "", 0});
}

TEST_CASE("sentinels are listed by comma and must say which master is meant") {
    CHECK(*parse_redis_url("rediss+sentinel://tide@a:1,b,[fe80::2]:9/main/2") ==
          RedisAddress{true, "tide", {{"a", 1}, {"b", 26379}, {"fe80::2", 9}}, "main", 2});
    CHECK_FALSE(parse_redis_url("redis+sentinel://a:1,b:2"));
    CHECK_FALSE(parse_redis_url("redis+sentinel://a:1//2"));
}

TEST_CASE("a password in the address is refused and not repeated") {
    const auto refused = parse_redis_url("redis://tide:hunter2@cache/0");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("hunter2") == std::string::npos);
    CHECK(refused.error().hint.find("env:") != std::string::npos);
}

TEST_CASE("what is no address is refused in words") {
    for (const char* text : {"",
                             "redis",
                             "http://a",
                             "redis://",
                             "redis:///0",
                             "redis://a:0",
                             "redis://a:65536",
                             "redis://a:b",
                             "redis://a,b",
                             "redis://a:1,",
                             "redis://@a",
                             "redis://u@",
                             "redis://[::1",
                             "redis://[::1]x",
                             "redis://a/x",
                             "redis://a/-1",
                             "redis://a b",
                             "redis+sentinel://a/m/x",
                             "redisss://a",
                             "redis://a/0/1"}) {
        CAPTURE(text);
        const auto refused = parse_redis_url(text);
        CHECK_FALSE(refused);
        if (!refused) CHECK_FALSE(refused.error().hint.empty());
    }
}
