#include <doctest/doctest.h>

#include "net/redis_codec.hpp"
#include "tidegate/base/rng.hpp"

using namespace tidegate;
using namespace tidegate::net;

using Kind = RedisReply::Kind;

TEST_CASE("a command carries any bytes, each argument with its length") {
    const std::vector<std::string> arguments{"SET", std::string("a\0\r\n", 4), ""};
    CHECK(redis_command(arguments) == std::string("*3\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n", 29));
}

TEST_CASE("replies of every kind come out whole, however the bytes were cut") {
    const std::string wire = "+OK\r\n-ERR no\r\n:-7\r\n$-1\r\n*3\r\n$2\r\nhi\r\n*2\r\n:1\r\n$0\r\n\r\n*-1\r\n*0\r\n";
    const std::vector<RedisReply> expected{
        {Kind::status, "OK"},
        {Kind::error, "ERR no"},
        {Kind::integer, "", -7},
        {},
        {Kind::array,
         "",
         0,
         {{Kind::text, "hi"}, {Kind::array, "", 0, {{Kind::integer, "", 1}, {Kind::text, ""}}}, {}}},
        {Kind::array, "", 0, {}},
    };
    for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
        RedisReader reader;
        std::vector<RedisReply> got;
        for (std::size_t from = 0; from < wire.size(); from += piece) {
            REQUIRE(reader.feed(wire.substr(from, piece)));
            for (auto next = reader.next(); next && *next; next = reader.next()) got.push_back(**next);
        }
        CAPTURE(piece);
        REQUIRE(got == expected);
    }
    CHECK(expected[1].error_code() == "ERR");
}

TEST_CASE("what is no Redis protocol, too deep or absurdly large is an error, never a wait or a crash") {
    const std::string nines(9, '9');
    for (const std::string& wire :
         std::vector<std::string>{"HTTP/1.1 200 OK\r\n", "*2147483647\r\n", "*200000\r\n:1\r\n", "$-5\r\n", "*x\r\n",
                                  "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"}) {
        CAPTURE(wire);
        RedisReader reader;
        const auto fed = reader.feed(wire);
        CHECK_FALSE((fed && reader.next()));
    }
    RedisReader endless;
    REQUIRE(endless.feed("$" + nines + "\r\n"));
    CHECK(endless.next());
    const std::string megabyte(1024 * 1024, 'x');
    bool refused = false;
    for (int i = 0; i < 9 && !refused; ++i) refused = !endless.feed(megabyte) || !endless.next();
    CHECK(refused);
}

TEST_CASE("random bytes never get past the reader as more than replies or an error") {
    Rng rng(3);
    for (int round = 0; round < 2000; ++round) {
        RedisReader reader;
        std::string bytes;
        for (std::size_t i = 0; i < 40; ++i) bytes += "*$:+-0123456789\r\n"[rng.bits() % 17];
        if (!reader.feed(bytes)) continue;
        for (auto next = reader.next(); next && *next; next = reader.next()) CHECK((**next).items.size() <= 100'000);
    }
}
