// Why rates are leased: a token from a lease that lives, beside asking Redis for each one.

#include <benchmark/benchmark.h>

#include <array>

#include "net/redis_codec.hpp"
#include "support/free_port.hpp"
#include "support/raw_server.hpp"
#include "support/redis_server.hpp"
#include "tidegate/quota/shared_quota.hpp"
#include "tidegate/quota/token_bucket.hpp"

namespace tidegate {
namespace {

using namespace std::chrono_literals;

/// With what a hand-off really does: both clocks are read and the lease is asked whether it still lives.
void token_live_lease(benchmark::State& state) {
    TokenBucket bucket(Rate{1e9}, system_clock().now());
    Lease lease;
    lease.rate = Rate{1e9};
    lease.expires = system_clock().now() + 1h;
    lease.expires_awake = awake_now() + 1h;
    std::uint64_t taken = 0;
    for (auto _ : state) {
        const TimePoint now = system_clock().now();
        if (live(lease, now)) benchmark::DoNotOptimize(taken += bucket.take(1, now));
    }
    if (taken == 0) state.SkipWithError("no token was there");
}
BENCHMARK(token_live_lease);

/// The least that a call for each message can cost: one counter in one short script, a server on the same machine, a
/// socket that nobody else uses.
void token_redis_round_trip(benchmark::State& state) {
    static const std::string script = "return redis.call('INCR', KEYS[1])";
    const test::RedisServer server;
    server.ask({"SCRIPT", "LOAD", script});
    const std::array<std::string, 4> command = {"EVALSHA", net::redis_script_digest(script), "1", "tokens"};
    const std::string request = net::redis_command(command);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = test::loopback(server.port());
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        state.SkipWithError("no connection");
    std::array<char, 64> answer = {};
    for (auto _ : state) {
        if (!test::send_all(socket, request) || ::recv(socket, answer.data(), answer.size(), 0) <= 0 ||
            answer[0] != ':') {
            state.SkipWithError("no token came");
            break;
        }
    }
    ::close(socket);
}
BENCHMARK(token_redis_round_trip)->UseRealTime();

}  // namespace
}  // namespace tidegate
