// Gates on several nodes, one of which sees the backend and steers all their campaigns.
#include <atomic>

#include "support/quota_faults.hpp"
#include "support/temp_dir.hpp"
#include "support/vector_audience.hpp"
#include "tidegate/delivery/gate.hpp"
#include "tidegate/testing/scripted_channel.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::faults;
using namespace std::chrono_literals;

namespace {

constexpr double hint = 200;  // requests/s the backend was proven to bear; a message is a request, at once

/// What forked nodes tell each other beside Redis: the backend itself, and how they fare.
struct World {
    std::atomic<std::uint64_t> requests;
    std::atomic<int> leads[2];
    std::atomic<double> allowed[2];
    std::atomic<bool> sees[2];
};

/// One node with one campaign that wants everything. While it sees the backend it is told of it every 200 ms.
class Node {
  public:
    Node(World& world, Deeds& deeds, int number, const std::string& redis, int priority)
        : world_(world), number_(number) {
        Site site;
        ChannelOptions push;
        push.name = "push";
        push.per_second = Rate{10000};
        site.channels.push_back(push);
        Backend app;
        app.limits.name = "app";
        app.limits.capacity_hint = hint;
        app.limits.max_age = 2s;
        app.signal = PushSignal{200ms};
        site.backends.push_back(app);
        site.quota = QuotaOptions{};
        site.quota->store = options(redis, "node" + std::to_string(number));
        ChannelTraits traits;
        traits.kind = "custom";
        traits.address_type = "push";
        traits.collapsible = true;
        GateOptions gate_options;
        gate_options.lock_dir = dir_.path();
        gate_options.channels["push"] =
            std::make_shared<testing::ScriptedChannel>(traits, [&world, &deeds, number](const Attempt&) {
                ++world.requests;
                deeds.hand_off(number, 1);
                return accepted();
            });
        auto opened = Gate::open(site, system_clock(), gate_options);
        if (!opened) throw std::runtime_error(opened.error().front().text());
        gate_ = std::move(*opened);

        Campaign campaign;
        campaign.id = "campaign" + std::to_string(number);
        campaign.purpose = Purpose::informational;
        campaign.priority = priority;
        campaign.audience.addresses = {{"push", "address"}};
        campaign.message.body = "hello";
        campaign.message.collapse = "c";
        campaign.send = {{"push", false}};
        campaign.response.median = 2s;
        campaign.impact["app"] = {0.0, 1.0};
        campaign.cohorts.count = 1;
        campaign.cohorts.gap = 0s;
        std::vector<std::vector<std::string>> rows;
        for (int i = 0; i < 30000; ++i) rows.push_back({std::to_string(i), "a" + std::to_string(i)});
        VectorAudience audience({"key", "address"}, std::move(rows));
        RunOptions run;
        run.ledger_dir = dir_.file("ledger");
        auto started = gate_->start(campaign, audience, run);
        if (!started) throw std::runtime_error(started.error().front().text());
        handle_ = *started;
    }

    /// A tenth of a second or so of its life.
    void live() {
        const TimePoint now = system_clock().now();
        if (now - sampled_ >= 200ms) {
            const std::uint64_t requests = world_.requests;
            if (world_.sees[number_] && sampled_ != TimePoint{}) {
                Observation sample;
                sample.at = now;
                sample.p99 = Seconds(0.05 + 0.0001 * static_cast<double>(++samples_ % 7));
                sample.load = 50.0 + static_cast<double>(requests - counted_) / seconds_between(sampled_, now);
                static_cast<void>(gate_->push_sample("app", sample));
            }
            counted_ = requests;
            sampled_ = now;
        }
        world_.leads[number_] = gate_->quota()->leads ? 1 : 0;
        world_.allowed[number_] = handle_.progress().allowed;
        std::this_thread::sleep_for(20ms);
    }
    std::string reason() const { return handle_.progress().reason; }
    BackendProgress backend() const { return gate_->backends().front(); }

  private:
    World& world_;
    const int number_;
    TempDir dir_;
    std::unique_ptr<Gate> gate_;
    CampaignHandle handle_;
    TimePoint sampled_{};
    std::uint64_t counted_ = 0;
    int samples_ = 0;
};

/// What one node handed over in a window.
double handed(const Deeds& deeds, int node, std::int64_t from, std::int64_t to) {
    double sum = 0;
    for (const auto& deed : deeds.all())
        if (deed.node == node && deed.at >= from && deed.at < to) sum += deed.value;
    return sum;
}

}  // namespace

TEST_CASE("one node sees the backend and steers both; it is killed, and the other takes over") {
    RedisServer redis;
    Deeds deeds;
    Shared<World> world;
    world->sees[0] = true;
    const pid_t first = ::fork();
    if (first == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        try {
            Node node(world[0], deeds, 0, redis.url(), 3);
            for (;;) node.live();
        } catch (...) {
        }
        ::_exit(1);
    }
    REQUIRE(first > 0);
    REQUIRE(wait_for([&] { return world->leads[0] == 1; }, 30s));
    Node second(world[0], deeds, 1, redis.url(), 9);
    const auto until = [&](auto condition, std::chrono::milliseconds limit) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (std::chrono::steady_clock::now() < end) {
            second.live();
            if (condition()) return true;
        }
        return false;
    };

    // The follower has no sensor that answers, and yet sends: the urgent part of the room, at the leader's word.
    CHECK(until([&] { return world->allowed[1] > 4 * world->allowed[0] && world->allowed[0] > 0; }, 60s));
    const std::int64_t settled = stamp();
    CHECK(until([&] { return handed(deeds, 0, settled, stamp()) >= 3; }, 30s));  // who waits keeps a floor
    const std::int64_t before = stamp();
    CHECK(world->leads[1] == 0);
    CHECK(second.reason().find("app: ") == 0);
    CHECK(second.backend().state == "open");
    const double urgent = handed(deeds, 1, settled, before), patient = handed(deeds, 0, settled, before);
    MESSAGE("urgent " << urgent << ", patient " << patient << ": " << second.reason());
    CHECK(urgent > 3 * patient);

    // Killed: nothing goes without a leader's word. When another sees, it leads, and knows what both had sent.
    ::kill(first, SIGKILL);
    ::waitpid(first, nullptr, 0);
    CHECK(until([&] { return world->allowed[1] == 0; }, 20s));
    CHECK(world->leads[1] == 0);
    world->sees[1] = true;
    CHECK(until([&] { return world->leads[1] == 1; }, 20s));
    CHECK(until([&] { return world->allowed[1] > 0.5 * (hint - 50) * 0.5; }, 60s));
    until([] { return false; }, 1000ms);

    const Verdict verdict = judge(deeds.all());
    MESSAGE("busiest second: " << verdict.worst_second);
    CHECK(verdict.worst_second <= hint);
}
