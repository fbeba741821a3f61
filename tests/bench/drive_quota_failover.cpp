// A master that is frozen, replaced by the sentinels, and thawed: with requests in its queue and nodes that know no
// other.
#include <csignal>

#include "net/redis_codec.hpp"
#include "net/redis_socket.hpp"
#include "quota/redis_client.hpp"
#include "quota_fleet.hpp"

namespace tidegate::bench {
namespace {

using namespace std::chrono_literals;
using test::RedisFamily;
using test::stamp;

/// A node's first request, lying in the queue of a server that is frozen.
class QueuedRequest {
  public:
    QueuedRequest(std::uint16_t port, int node, double cap) : socket_(std::nullopt) {
        quota::LeaseClient client(quota_options("redis://127.0.0.1", node, 1), "queued-" + std::to_string(node), 1);
        client.set_cap("acct:push", Rate{cap});
        const std::vector<Flow> flows{{"spring/push", {"camp:spring", "acct:push"}, 5, Rate{2 * cap}, {}}};
        const auto action = client.resume(quota::LeaseClient::Demand{flows, true}, awake_now());
        const auto* const ask = std::get_if<quota::LeaseClient::Ask>(&action);
        if (ask == nullptr) throw std::runtime_error("a node did not ask");
        socket_.open({"127.0.0.1", port});
        std::string out = net::redis_command(
            std::vector<std::string>{"EVAL", quota::acquire_script(), "1", quota::hash_key(quota_domain), ask->json});
        Fleet::until([&] {
            socket_.move(out);
            return out.empty();
        });
    }

    /// Messages per second that it was granted; throws when nobody answers.
    double granted() {
        net::RedisReader reader;
        std::optional<net::RedisReply> reply;
        std::string nothing;
        Fleet::until([&] {
            const auto moved = socket_.move(nothing);
            if (moved.ended) throw std::runtime_error("a queued request was dropped: " + *moved.ended);
            if (!reader.feed(moved.received)) throw std::runtime_error("the thawed master speaks no RESP");
            if (auto next = reader.next(); next && *next) reply = std::move(**next);
            return reply.has_value();
        });
        if (reply->is_error()) return 0;
        double all = 0;
        const auto answer = nlohmann::json::parse(reply->text);
        if (answer.contains("g"))
            for (const auto& rate : answer["g"]) all += rate.get<double>() / 1000;
        return all;
    }

  private:
    net::RedisSocket socket_;
};

bool demoted(const test::RedisServer& server) {
    return server.ask({"INFO", "replication"}).text.find("role:slave") != std::string::npos;
}

}  // namespace

void fail_over(Table& table, Thaw thaw) {
    const LeaseRules rules;
    const double fence = std::max(Seconds(rules.replica_lag).count() + 1, Seconds(rules.lease).count());  // S
    constexpr double promised = 1000;
    constexpr int by_sentinel = 4, by_address = 2, queued = 20;
    RedisFamily family;
    test::RedisServer& old = family.master;
    Fleet fleet(family.url(), leased_of(promised, by_sentinel + by_address), by_sentinel, 1);
    // On the wrong side of a partition: whatever the sentinels agree on, these go on asking the old master.
    for (int i = 0; i < by_address; ++i) fleet.join(old.url());
    fleet.settle();

    const double calls_before = script_calls(old).count;
    old.process().signal(SIGSTOP);
    const auto frozen = stamp();
    const auto since = [&] { return static_cast<double>(stamp() - frozen) / nanos; };
    std::list<QueuedRequest> queue;
    for (int i = 0; i < queued; ++i) queue.emplace_back(old.port(), i, fleet.cap());
    Fleet::until([&] { return family.master_port() != old.port(); });
    const double elected = since();
    const auto wake = [&] { old.process().signal(SIGCONT); };
    if (thaw == Thaw::silence) Fleet::until([&] { return since() > fence; });
    if (thaw != Thaw::back) wake();
    Fleet::until([&] { return fleet.sum() == 0.0; });
    const double stood = since();
    Fleet::until([&] { return fleet.whole(); });
    const double back = since();
    if (thaw == Thaw::back) wake();

    double granted = 0;
    for (QueuedRequest& request : queue) granted += request.granted();
    Fleet::until([&] { return demoted(old); });  // the sentinels have caught it: until then it thinks itself the master
    const double asked = script_calls(old).count - calls_before;
    std::this_thread::sleep_for(1s);

    const std::string when = "fail-over, thawed " + std::string(thaw == Thaw::election  ? "at the election"
                                                                : thaw == Thaw::silence ? "in the silence"
                                                                                        : "when all is back");
    std::array<char, 200> how = {};
    std::snprintf(how.data(), how.size(), "another master after %.3g s; no rate in force from %.3g s on, for %.3g s",
                  elected, stood, back - stood);
    table.note(when + ": freeze to 99 % of the cap", back, " s", how.data());
    std::snprintf(how.data(), how.size(),
                  "%d requests in its queue, %.0f of living nodes before the sentinels caught it", queued,
                  asked - queued);
    // Sooner than the fence sees that nobody follows it may still grant; the successor's silence is longer for that.
    const std::string what = when + ": messages/s granted from the old master's queue";
    if (thaw == Thaw::election)
        table.note(what, granted, "", how.data());
    else
        table.row(what, 0, granted, "", how.data());
    table.judged(when, fleet, promised);
}

}  // namespace tidegate::bench
