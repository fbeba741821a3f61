#include "net/redis_connection.hpp"

#include <algorithm>

namespace tidegate::net {

Result<RedisConnection> RedisConnection::make(RedisOptions options, std::uint64_t seed) {
    std::optional<RedisTrust> trust;
    if (options.address.tls) {
        Result<RedisTrust> loaded = RedisTrust::load(options.ca);
        if (!loaded) return loaded.error();
        trust = std::move(*loaded);
    }
    return RedisConnection(std::move(options), std::move(trust), seed);
}

RedisConnection::RedisConnection(RedisOptions options, std::optional<RedisTrust> trust, std::uint64_t seed)
    : link_(std::move(options), seed), socket_(std::make_unique<RedisSocket>(std::move(trust))) {}

bool RedisConnection::act(const RedisLink::Action& action) {
    if (const auto* open = std::get_if<RedisLink::Open>(&action)) {
        socket_->open(open->to);
        return true;
    }
    if (std::holds_alternative<RedisLink::Close>(action)) {
        socket_->close();
        return true;
    }
    return false;
}

void RedisConnection::advance(TimePoint now) {
    // A peer that talks without end must not keep us here.
    for (int turn = 0; turn < 16; ++turn) {
        RedisSocket::Moved moved = socket_->move(link_.outgoing());
        bool progress = moved.progress();
        if (moved.opened) act(link_.resume(RedisLink::Opened{}, now));
        bool closed = false;
        if (!moved.received.empty()) closed = act(link_.resume(RedisLink::Received{std::move(moved.received)}, now));
        if (!closed && moved.ended) closed = act(link_.resume(RedisLink::Ended{*moved.ended}, now));
        if (!closed) progress = act(link_.resume(RedisLink::Tick{}, now)) || progress;
        if (!progress && link_.outgoing().empty()) return;
        if (!progress && turn > 0) return;
    }
}

void RedisConnection::wait(TimePoint now, Duration limit) {
    const TimePoint wake = link_.wake_at();
    if (wake <= now) return;
    socket_->wait(std::min<Duration>(limit, wake - now), !link_.outgoing().empty());
}

Result<RedisReply> RedisConnection::ask(const std::vector<std::string>& arguments, const Clock& clock,
                                        Duration patience) {
    const TimePoint end = clock.now() + patience;
    bool sent = false;
    for (;;) {
        const TimePoint now = clock.now();
        advance(now);
        if (sent)
            if (auto answer = link_.take_answer()) return std::move(*answer);
        if (now >= end)
            return Error{Errc::unavailable,
                         link_.trouble().empty() ? "Redis did not answer in time" : "Redis " + link_.trouble(), "Redis",
                         "is it running, and may this host reach it?"};
        if (!sent && link_.ready()) {
            link_.request(arguments, now);
            sent = true;
            continue;
        }
        wait(now, std::min<Duration>(end - now, std::chrono::milliseconds(20)));
    }
}

}  // namespace tidegate::net
