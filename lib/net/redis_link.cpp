#include "net/redis_link.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/overloaded.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::net {
namespace {

Error unavailable(std::string what) {
    return {Errc::unavailable, std::move(what), "Redis", {}};
}

/// Error texts of the server may quote arguments of the command; the code alone says what matters.
std::string in_words(const RedisReply& error, const char* to) {
    const std::string_view code = error.error_code();
    if (code == "WRONGPASS" || code == "NOAUTH" || error.text.find("invalid password") != std::string::npos)
        return "refuses user or password (" + std::string(code) + ")";
    if (code == "NOPERM") return std::string("does not allow this user ") + to + " (NOPERM)";
    return std::string("refuses ") + to + " (" + printable(code) + ")";
}

/// After these the connection is with the wrong server, or with nobody we know.
bool must_leave(std::string_view code) {
    return code == "READONLY" || code == "MASTERDOWN" || code == "NOAUTH" || code == "WRONGPASS" || code == "MOVED" ||
           code == "UNKILLABLE";
}

std::optional<RedisEndpoint> named_master(const RedisReply& reply) {
    if (reply.kind != RedisReply::Kind::array || reply.items.size() != 2) return std::nullopt;
    const std::string& port = reply.items[1].text;
    RedisEndpoint made{reply.items[0].text, 0};
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), made.port);
    if (error != std::errc() || end != port.data() + port.size() || made.port == 0 || made.host.empty())
        return std::nullopt;
    return made;
}

}  // namespace

RedisLink::RedisLink(RedisOptions options, std::uint64_t seed) : options_(std::move(options)), chance_(seed) {
    // Nodes that start together should not all ask the first sentinel.
    next_endpoint_ = chance_.bits() % std::max<std::size_t>(1, options_.address.endpoints.size());
}

RedisLink::Action RedisLink::resume(const Event& event, TimePoint now) {
    return std::visit(Overloaded{[&](const Tick&) -> Action {
                                     if (now < deadline_) return Wait{};
                                     if (state_ == State::resting) return open(now);
                                     if (state_ == State::opening) return fail("could not be reached in time", now);
                                     if (state_ == State::ready) return Wait{};
                                     return fail("did not answer in time", now);
                                 },
                                 [&](const Opened&) -> Action {
                                     if (state_ != State::opening) return Wait{};
                                     greet();
                                     return Wait{};
                                 },
                                 [&](const Received& got) -> Action {
                                     if (state_ == State::resting) return Close{};
                                     return received(got.bytes, now);
                                 },
                                 [&](const Ended& ended) -> Action {
                                     if (state_ == State::resting) return Wait{};
                                     return fail(ended.why, now);
                                 }},
                      event);
}

RedisLink::Action RedisLink::open(TimePoint now) {
    const auto& endpoints = options_.address.endpoints;
    if (endpoints.empty()) return fail("no address is known", now);
    if (master_) {
        peer_ = *std::exchange(master_, std::nullopt);
        at_sentinel_ = false;
    } else {
        peer_ = endpoints[next_endpoint_ % endpoints.size()];
        at_sentinel_ = !options_.address.master.empty();
    }
    state_ = State::opening;
    deadline_ = now + options_.connect_timeout;
    return Open{peer_};
}

void RedisLink::greet() {
    state_ = State::greeting;
    if (at_sentinel_) {
        if (!options_.sentinel_password.empty()) say(Step::entered, {"AUTH", options_.sentinel_password.reveal()});
        say(Step::master, {"SENTINEL", "get-master-addr-by-name", options_.address.master});
        return;
    }
    if (!options_.address.user.empty())
        say(Step::entered, {"AUTH", options_.address.user, options_.password.reveal()});
    else if (!options_.password.empty())
        say(Step::entered, {"AUTH", options_.password.reveal()});
    if (options_.address.database != 0) say(Step::database, {"SELECT", std::to_string(options_.address.database)});
    say(Step::role, {"INFO", "replication"});
    if (!options_.subscribe.empty()) say(Step::subscribed, {"SUBSCRIBE", options_.subscribe});
}

void RedisLink::say(Step step, std::initializer_list<std::string> arguments) {
    const std::vector<std::string> list(arguments);
    outgoing_ += redis_command(list);
    expected_.push_back(step);
}

RedisLink::Action RedisLink::received(const std::string& bytes, TimePoint now) {
    if (const auto fed = reader_.feed(bytes); !fed) return fail(fed.error().what, now);
    for (;;) {
        Result<std::optional<RedisReply>> next = reader_.next();
        if (!next) return fail(next.error().what, now);
        if (!*next) return Wait{};
        RedisReply reply = std::move(**next);
        if (state_ == State::greeting) {
            Action action = greeted(reply, now);
            if (!std::holds_alternative<Wait>(action)) return action;
        } else if (!options_.subscribe.empty() && state_ == State::ready) {
            pushed(std::move(reply));
        } else if (state_ == State::busy) {
            const bool leave = must_leave(reply.error_code());
            const std::string why = leave ? in_words(reply, "a request") : std::string();
            answered(std::move(reply), now);
            if (leave) return fail(why, now);
        } else {
            return fail("sent an answer that nobody asked for", now);
        }
    }
}

RedisLink::Action RedisLink::greeted(const RedisReply& reply, TimePoint now) {
    if (expected_.empty()) return fail("sent an answer that nobody asked for", now);
    const Step step = expected_.front();
    expected_.pop_front();
    if (reply.is_error()) {
        const char* const what[] = {"entering (AUTH)", "the database (SELECT)", "INFO", "SENTINEL", "SUBSCRIBE"};
        return fail(in_words(reply, what[static_cast<std::size_t>(step)]), now);
    }
    if (step == Step::master) {
        master_ = named_master(reply);
        if (!master_) return fail("is a sentinel that knows no master of that name", now);
        state_ = State::resting;
        deadline_ = now;
        expected_.clear();
        outgoing_.clear();
        reader_ = RedisReader();
        return Close{};
    }
    if (step == Step::role && reply.text.find("role:master") == std::string::npos)
        return fail("is a replica, not the master", now);
    if (!expected_.empty()) return Wait{};
    state_ = State::ready;
    deadline_ = TimePoint::max();
    // A server may let us in and close at once; only an answer or a subscription that stands ends the back-off.
    if (!options_.subscribe.empty()) failures_ = 0;
    return Wait{};
}

void RedisLink::request(std::span<const std::string> arguments, TimePoint now) {
    if (state_ != State::ready || !options_.subscribe.empty()) throw std::logic_error("one request at a time");
    outgoing_ += redis_command(arguments);
    answer_.reset();
    state_ = State::busy;
    deadline_ = now + options_.reply_timeout;
}

void RedisLink::answered(RedisReply reply, TimePoint) {
    answer_ = std::move(reply);
    state_ = State::ready;
    deadline_ = TimePoint::max();
    failures_ = 0;
    trouble_.clear();
}

void RedisLink::pushed(RedisReply reply) {
    if (reply.kind != RedisReply::Kind::array || reply.items.size() != 3 || reply.items[0].text != "message") return;
    messages_.push_back(std::move(reply.items[2].text));
}

RedisLink::Action RedisLink::fail(std::string why, TimePoint now) {
    trouble_ = peer_.host + ":" + std::to_string(peer_.port) + " " + std::move(why);
    if (state_ == State::busy) answer_ = unavailable(trouble_);
    state_ = State::resting;
    expected_.clear();
    outgoing_.clear();
    reader_ = RedisReader();
    master_.reset();
    ++next_endpoint_;
    const int doublings = std::min(failures_++, 20);
    const double longest = Seconds(options_.longest_rest).count();
    double rest = std::min(longest, Seconds(options_.shortest_rest).count() * static_cast<double>(1 << doublings));
    rest *= 0.5 + 0.5 * chance_.uniform();
    deadline_ = after(now, rest);
    return Close{};
}

std::optional<Result<RedisReply>> RedisLink::take_answer() {
    return std::exchange(answer_, std::nullopt);
}

std::vector<std::string> RedisLink::take_messages() {
    return std::exchange(messages_, {});
}

}  // namespace tidegate::net
