// Conversations with a Redis, without a socket.
#include <doctest/doctest.h>

#include "net/redis_link.hpp"

using namespace tidegate;
using namespace tidegate::net;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint t0{std::chrono::seconds(1000)};
const std::string info_master = "$31\r\n# Replication\r\nrole:master\r\nx:1\r\n";
const std::string info_replica = "$24\r\n# Replication\r\nrole:slave\r\n";

RedisOptions options(const std::string& url) {
    RedisOptions made;
    made.address = *parse_redis_url(url);
    return made;
}

/// A link, what it did last, and what it said since it was last asked.
struct Talk {
    explicit Talk(RedisOptions with) : link(std::move(with), 1) {}
    RedisLink link;
    TimePoint now = t0;

    bool opens(const std::string& host) {
        const auto action = link.resume(RedisLink::Tick{}, now);
        const auto* open = std::get_if<RedisLink::Open>(&action);
        return open != nullptr && open->to.host == host;
    }
    bool closes(const RedisLink::Event& event) {
        return std::holds_alternative<RedisLink::Close>(link.resume(event, now));
    }
    void hears(const std::string& bytes) { CHECK_FALSE(closes(RedisLink::Received{bytes})); }
    std::string said() { return std::exchange(link.outgoing(), {}); }
    void becomes_ready(const std::string& host) {
        REQUIRE(opens(host));
        CHECK_FALSE(closes(RedisLink::Opened{}));
        said();
        hears(info_master);
        REQUIRE(link.ready());
    }
    void ask(std::vector<std::string> arguments) { link.request(arguments, now); }
};

std::string wire(std::vector<std::string> arguments) {
    return redis_command(arguments);
}

}  // namespace

TEST_CASE("a link enters as its user, picks the database, and is ready once the server says it is the master") {
    RedisOptions with = options("redis://tide@cache:7000/2");
    with.password = Secret("hunter2");
    Talk talk(with);
    REQUIRE(talk.opens("cache"));
    CHECK_FALSE(talk.closes(RedisLink::Opened{}));
    CHECK(talk.said() == wire({"AUTH", "tide", "hunter2"}) + wire({"SELECT", "2"}) + wire({"INFO", "replication"}));
    talk.hears("+OK\r\n+OK\r\n");
    CHECK_FALSE(talk.link.ready());
    talk.hears(info_master);
    CHECK(talk.link.ready());
}

TEST_CASE("a wrong password, a command not allowed and a replica are each left with the reason") {
    struct Case {
        const char* url;
        std::string answer, reason;
    };
    for (const Case& one :
         {Case{"redis://tide@cache", "-WRONGPASS invalid username-password pair\r\n", "user or password"},
          Case{"redis://cache/3", "-NOPERM this user has no permissions\r\n", "SELECT"},
          Case{"redis://cache", "-NOAUTH Authentication required.\r\n", "user or password"},
          Case{"redis://cache", info_replica, "replica"}}) {
        Talk talk(options(one.url));
        REQUIRE(talk.opens("cache"));
        CHECK_FALSE(talk.closes(RedisLink::Opened{}));
        CHECK(talk.closes(RedisLink::Received{one.answer}));
        CHECK(talk.link.trouble().find(one.reason) != std::string::npos);
        CHECK_FALSE(talk.link.ready());
    }
}

TEST_CASE("an answer belongs to its request, and one that nobody asked for ends the connection") {
    Talk talk(options("redis://cache"));
    talk.becomes_ready("cache");
    talk.ask({"TIME"});
    CHECK(talk.said() == wire({"TIME"}));
    CHECK_FALSE(talk.link.take_answer());
    talk.hears("+here\r\n");
    auto answer = talk.link.take_answer();
    REQUIRE(answer);
    CHECK((**answer).text == "here");
    CHECK_FALSE(talk.link.take_answer());
    CHECK(talk.closes(RedisLink::Received{"+late\r\n"}));
}

TEST_CASE("a request that is not answered in time closes the connection, so the late answer finds nobody") {
    Talk talk(options("redis://cache"));
    talk.becomes_ready("cache");
    talk.ask({"TIME"});
    talk.now += 499ms;
    CHECK_FALSE(talk.closes(RedisLink::Tick{}));
    talk.now += 1ms;
    CHECK(talk.closes(RedisLink::Tick{}));
    auto answer = talk.link.take_answer();
    REQUIRE(answer);
    CHECK(answer->error().code == Errc::unavailable);
    CHECK(talk.link.outgoing().empty());
    CHECK(talk.closes(RedisLink::Received{"+late\r\n"}));
    CHECK_FALSE(talk.link.take_answer());
}

TEST_CASE("half an answer of an old connection does not leak into the next") {
    Talk talk(options("redis://cache"));
    talk.becomes_ready("cache");
    talk.ask({"TIME"});
    talk.hears("$5\r\nhal");
    CHECK(talk.closes(RedisLink::Ended{"closed the connection"}));
    REQUIRE(talk.link.take_answer());
    talk.now += 1s;
    talk.becomes_ready("cache");
    talk.ask({"TIME"});
    talk.hears("$3\r\nnew\r\n");
    CHECK((**talk.link.take_answer()).text == "new");
}

TEST_CASE("READONLY and a lost login are answers that also end the connection; other errors are answers") {
    for (const auto& [error, ends] : {std::pair{"READONLY You can't write", true},
                                      {"NOAUTH who are you", true},
                                      {"MOVED 1 b:1", true},
                                      {"NOSCRIPT none", false},
                                      {"OOM much", false},
                                      {"LOADING soon", false},
                                      {"BUSY script", false},
                                      {"NOREPLICAS", false}}) {
        CAPTURE(error);
        Talk talk(options("redis://cache"));
        talk.becomes_ready("cache");
        talk.ask({"EVALSHA"});
        CHECK(talk.closes(RedisLink::Received{"-" + std::string(error) + "\r\n"}) == ends);
        auto answer = talk.link.take_answer();
        REQUIRE(answer);
        CHECK((**answer).text == error);
    }
}

TEST_CASE("rests double from failure to failure up to the longest, always with jitter, and a good answer ends that") {
    RedisOptions with = options("redis://cache");
    Talk talk(with);
    Duration last{};
    for (int i = 0; i < 12; ++i) {
        REQUIRE(talk.opens("cache"));
        CHECK(talk.closes(RedisLink::Ended{"cannot be reached"}));
        const Duration rest = talk.link.wake_at() - talk.now;
        const Duration full = std::min<Duration>(with.longest_rest, with.shortest_rest * (1 << i));
        CHECK(rest >= full / 2);
        CHECK(rest <= full);
        CHECK_FALSE(talk.opens("cache"));  // not before its time
        talk.now = talk.link.wake_at();
        last = rest;
    }
    CHECK(last >= 1s);
    talk.becomes_ready("cache");  // being let in is not enough
    CHECK(talk.closes(RedisLink::Ended{"closed the connection"}));
    CHECK(talk.link.wake_at() - talk.now >= 1s);
    talk.now = talk.link.wake_at();
    talk.becomes_ready("cache");
    talk.ask({"TIME"});
    talk.hears("+now\r\n");
    CHECK(talk.closes(RedisLink::Ended{"closed the connection"}));
    CHECK(talk.link.wake_at() - talk.now <= 50ms);
}

TEST_CASE("connecting and greeting together have one time limit") {
    Talk talk(options("redis://cache"));
    REQUIRE(talk.opens("cache"));
    talk.now += 900ms;
    CHECK_FALSE(talk.closes(RedisLink::Opened{}));
    talk.now += 99ms;
    CHECK_FALSE(talk.closes(RedisLink::Tick{}));
    talk.now += 1ms;
    CHECK(talk.closes(RedisLink::Tick{}));
}

TEST_CASE("sentinels are asked one after the other until one knows the master, whose role is then verified") {
    RedisOptions with = options("redis+sentinel://s1,s2/main");
    with.sentinel_password = Secret("watch");
    Talk talk(with);
    const bool first = talk.opens("s1");
    const std::string other = first ? "s2" : "s1";
    CHECK_FALSE(talk.closes(RedisLink::Opened{}));
    CHECK(talk.said() == wire({"AUTH", "watch"}) + wire({"SENTINEL", "get-master-addr-by-name", "main"}));
    CHECK(talk.closes(RedisLink::Received{"+OK\r\n*-1\r\n"}));
    talk.now = talk.link.wake_at();
    REQUIRE(talk.opens(other));
    CHECK_FALSE(talk.closes(RedisLink::Opened{}));
    CHECK(talk.closes(RedisLink::Received{"+OK\r\n*2\r\n$2\r\nm1\r\n$4\r\n7001\r\n"}));
    REQUIRE(talk.opens("m1"));  // at once
    CHECK(talk.link.peer().port == 7001);
    CHECK_FALSE(talk.closes(RedisLink::Opened{}));
    CHECK(talk.said().ends_with(wire({"INFO", "replication"})));
    CHECK(talk.closes(RedisLink::Received{info_replica}));
    talk.now = talk.link.wake_at();
    CHECK_FALSE(talk.opens("m1"));  // asks again where the master is
}

TEST_CASE("a subscription delivers messages in order and takes no requests") {
    RedisOptions with = options("redis://cache");
    with.subscribe = "{ns:d}:ctl";
    Talk talk(with);
    REQUIRE(talk.opens("cache"));
    CHECK_FALSE(talk.closes(RedisLink::Opened{}));
    CHECK(talk.said() == wire({"INFO", "replication"}) + wire({"SUBSCRIBE", "{ns:d}:ctl"}));
    talk.hears(info_master + "*3\r\n$9\r\nsubscribe\r\n$10\r\n{ns:d}:ctl\r\n:1\r\n");
    REQUIRE(talk.link.ready());
    talk.hears(
        "*3\r\n$7\r\nmessage\r\n$10\r\n{ns:d}:ctl\r\n$1\r\na\r\n*3\r\n$7\r\nmessage\r\n$10\r\n{ns:d}:ctl\r\n$"
        "1\r\nb\r\n");
    CHECK(talk.link.take_messages() == std::vector<std::string>{"a", "b"});
    CHECK(talk.link.take_messages().empty());
    CHECK_THROWS(talk.ask({"TIME"}));
}
