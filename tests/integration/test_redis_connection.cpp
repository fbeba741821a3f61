// The Redis connection against real redis-servers: plain, TLS, a narrow ACL user, sentinels.
#include <doctest/doctest.h>

#include "net/redis_connection.hpp"
#include "support/raw_server.hpp"
#include "support/redis_server.hpp"

using namespace tidegate;
using namespace tidegate::net;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

RedisOptions options(const std::string& url, const std::string& password = {}) {
    RedisOptions made;
    made.address = *parse_redis_url(url);
    if (!password.empty()) made.password = Secret(password);
    return made;
}

Result<RedisReply> ask(const RedisOptions& with, const std::vector<std::string>& arguments, Duration patience = 5s) {
    auto connection = RedisConnection::make(with, 7);
    if (!connection) return connection.error();
    return connection->ask(arguments, system_clock(), patience);
}

}  // namespace

TEST_CASE("a plain server answers, also by name and with megabytes in one argument") {
    const RedisServer server;
    for (const std::string host : {"127.0.0.1", "localhost"}) {
        const auto answer = ask(options("redis://" + host + ":" + std::to_string(server.port())), {"PING"});
        REQUIRE(answer);
        CHECK(answer->text == "PONG");
    }
    const std::string large(4'000'000, 'x');
    const auto echoed = ask(options(server.url()), {"ECHO", large});
    REQUIRE(echoed);
    CHECK(echoed->text == large);
}

TEST_CASE("over TLS the peer must be signed by a known authority and be who the address says") {
    const TempDir dir;
    const TestCertificates ours(dir), theirs(dir, "other");
    RedisServer::Setup setup;
    setup.tls = &ours;
    const RedisServer server(setup);
    RedisOptions with = options(server.url());
    with.ca = ours.ca_file;
    REQUIRE(ask(with, {"PING"}));
    CHECK(ask(with, {"ECHO", std::string(300'000, 'y')})->text.size() == 300'000);
    with.address.endpoints[0].host = "localhost";
    CHECK(ask(with, {"PING"}));

    with.ca = theirs.ca_file;
    const auto stranger = ask(with, {"PING"}, 1s);
    REQUIRE_FALSE(stranger);
    CHECK(stranger.error().what.find("certificate") != std::string::npos);
    with.ca = ours.ca_file;
    with.address.endpoints[0].host = "127.0.0.2";  // reaches nobody, or nobody of that name
    CHECK_FALSE(ask(with, {"PING"}, 1s));
    with.ca = dir.file("none.pem");
    CHECK(ask(with, {"PING"}).error().where == with.ca);
}

TEST_CASE("a certificate for another name is refused although its authority is known") {
    const TempDir dir;
    const TestCertificates ours(dir);
    RedisServer::Setup setup;
    setup.tls = &ours;
    setup.arguments = {"--bind", "127.0.0.1", "127.0.0.3"};
    const RedisServer server(setup);
    RedisOptions with = options(server.url());
    with.ca = ours.ca_file;
    with.address.endpoints[0].host = "127.0.0.3";  // the certificate says 127.0.0.1
    const auto refused = ask(with, {"PING"}, 1s);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("certificate") != std::string::npos);
}

TEST_CASE("a user with the documented rights alone is let in, and a wrong password is told as such") {
    const RedisServer server;
    REQUIRE_FALSE(server.ask(quota_acl("tide", "s3cret")).is_error());
    const auto counted = ask(options(server.url("tide"), "s3cret"),
                             {"EVAL", "return redis.call('HSET', KEYS[1], 'a', 1)", "1", "{tidegate:d}:q"});
    REQUIRE(counted);
    CHECK(counted->integer == 1);
    CHECK(ask(options(server.url("tide"), "s3cret"), {"GET", "x"})->error_code() == "NOPERM");
    const auto refused = ask(options(server.url("tide"), "wrong"), {"TIME"}, 500ms);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("user or password") != std::string::npos);
    CHECK(refused.error().what.find("wrong") == std::string::npos);
}

TEST_CASE("nobody there, a host without a name and a server that says nothing end in time and in words") {
    const auto before = std::chrono::steady_clock::now();
    CHECK(ask(options("redis://127.0.0.1:" + std::to_string(free_port())), {"PING"}, 300ms)
              .error()
              .what.find("refused") != std::string::npos);
    CHECK_FALSE(ask(options("redis://no-such-host.invalid"), {"PING"}, 300ms));
    RawServer mute([](int connection) {
        char buffer[512];
        while (::recv(connection, buffer, sizeof buffer, 0) > 0) {
        }
    });
    RedisOptions with = options("redis://127.0.0.1:" + std::to_string(mute.port()));
    with.connect_timeout = 100ms;
    CHECK(ask(with, {"PING"}, 500ms).error().what.find("in time") != std::string::npos);
    CHECK(mute.accepted() >= 2);  // it was left and tried again
    CHECK(std::chrono::steady_clock::now() - before < 3s);
}

TEST_CASE("a peer that dies in the middle raises no signal") {
    RedisServer server;
    auto connection = RedisConnection::make(options(server.url()), 7);
    REQUIRE(connection->ask({"PING"}, system_clock(), 5s));
    server.kill();
    for (int i = 0; i < 5; ++i) CHECK_FALSE(connection->ask({"PING"}, system_clock(), 50ms));
    server.restart();
    CHECK(connection->ask({"PING"}, system_clock(), 10s));
}

TEST_CASE("sentinels lead to the master, and to the next one when it is gone") {
    RedisFamily family;
    auto connection = RedisConnection::make(options(family.url()), 7);
    REQUIRE(connection->ask({"HSET", "{t:d}:q", "a", "1"}, system_clock(), 5s));
    CHECK(connection->link().peer().port == family.master.port());
    family.master.kill();
    const auto end = std::chrono::steady_clock::now() + 20s;
    bool written = false;
    while (!written && std::chrono::steady_clock::now() < end) {
        const auto reply = connection->ask({"HSET", "{t:d}:q", "b", "1"}, system_clock(), 500ms);
        written = reply && !reply->is_error();
    }
    CHECK(written);
    CHECK(connection->link().peer().port != family.master.port());
    CHECK(connection->link().peer().port == family.master_port());
}
