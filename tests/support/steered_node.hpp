#pragma once

#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/quota_rig.hpp"
#include "support/temp_dir.hpp"
#include "support/vector_audience.hpp"
#include "tidegate/delivery/gate.hpp"
#include "tidegate/testing/scripted_channel.hpp"

// Gates as processes, one of which leads and steers all their campaigns by a backend that is reckoned out of what they
// handed over.
namespace tidegate::test::faults {

using namespace std::chrono_literals;

inline constexpr double hint = 200;        // requests/s the backend was proven to bear
inline constexpr double others_load = 50;  // requests/s that are nobody's of ours

/// What forked nodes tell each other beside Redis, and how they fare.
struct World {
    std::atomic<int> leads[2];
    std::atomic<double> allowed[2];
    std::atomic<bool> sees[2];
    std::atomic<double> p99_s;      ///< 0 = fifty milliseconds
    std::atomic<double> open_rate;  ///< share of the messages that cause a request; 0 = each does, at once
    std::atomic<double> median_s, spread;
};

/// When the requests that the messages of `node` (-1: of all) have caused and will cause arrive, in order. Who opens,
/// and how late, is spread evenly over the messages instead of by chance.
inline std::vector<std::int64_t> requests(const World& world, const Deeds& deeds, int node = -1) {
    std::vector<std::int64_t> made;
    std::size_t count[2] = {};
    for (const auto& deed : deeds.all()) {
        if (deed.is_rate) continue;
        const double i = static_cast<double>(++count[deed.node]);
        if (node >= 0 && deed.node != node) continue;
        if (world.open_rate == 0.0) {
            made.push_back(deed.at);
            continue;
        }
        const double opens = std::fmod(i * 0.6180339887, 1.0), late = std::fmod(i * 0.7548776662, 1.0);
        if (opens >= world.open_rate) continue;
        // The logistic curve is close enough to the normal one.
        const double z = std::log((late + 0.001) / (1.001 - late)) / 1.702;
        made.push_back(deed.at + static_cast<std::int64_t>(1e9 * world.median_s * std::exp(world.spread * z)));
    }
    std::sort(made.begin(), made.end());
    return made;
}

inline double between(const std::vector<std::int64_t>& stamps, std::int64_t from, std::int64_t to) {
    const auto first = std::lower_bound(stamps.begin(), stamps.end(), from);
    return static_cast<double>(std::lower_bound(first, stamps.end(), to) - first);
}

inline double busiest_second(const std::vector<std::int64_t>& stamps) {
    double most = 0;
    for (const std::int64_t at : stamps) most = std::max(most, between(stamps, at, at + 1'000'000'000));
    return most;
}

/// One node with one campaign that wants everything. While it sees the backend it is told of it every 200 ms.
class SteeredNode {
  public:
    SteeredNode(World& world, Deeds& deeds, int number, const SharedQuotaOptions& store, int priority,
                std::size_t people = 30000, const std::function<void(Campaign&)>& shape = {})
        : world_(world), deeds_(deeds), number_(number) {
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
        site.quota->store = store;
        ChannelTraits traits;
        traits.kind = "custom";
        traits.address_type = "push";
        traits.collapsible = true;
        GateOptions gate_options;
        gate_options.lock_dir = dir_.path();
        gate_options.channels["push"] =
            std::make_shared<testing::ScriptedChannel>(traits, [&deeds, number](const Attempt&) {
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
        if (shape) shape(campaign);
        std::vector<std::vector<std::string>> rows;
        for (std::size_t i = 0; i < people; ++i) rows.push_back({std::to_string(i), "a" + std::to_string(i)});
        VectorAudience audience({"key", "address"}, std::move(rows));
        RunOptions run;
        run.ledger_dir = dir_.file("ledger");
        auto started = gate_->start(campaign, audience, run);
        if (!started) throw std::runtime_error(started.error().front().text());
        handle_ = *started;
    }

    /// A fiftieth of a second of its life.
    void live() {
        const TimePoint now = system_clock().now();
        const std::int64_t at = stamp();
        if (now - sampled_ >= 200ms) {
            const bool first = sampled_ == TimePoint{};
            if (world_.sees[number_] && !first) {
                Observation sample;
                sample.at = now;
                const double p99 = world_.p99_s;
                sample.p99 = Seconds(p99 > 0 ? p99 : 0.05 + 0.0001 * static_cast<double>(++samples_ % 7));
                sample.load =
                    others_load + between(requests(world_, deeds_), counted_, at) / seconds_between(sampled_, now);
                static_cast<void>(gate_->push_sample("app", sample));
            }
            if (world_.open_rate > 0.0 && !first)
                handle_.observe_opens(between(requests(world_, deeds_, number_), counted_, at), sampled_, now);
            counted_ = at;
            sampled_ = now;
        }
        world_.leads[number_] = gate_->quota()->leads ? 1 : 0;
        world_.allowed[number_] = handle_.progress().allowed;
        std::this_thread::sleep_for(20ms);
    }
    /// Lives until the condition holds; false when it does not in time.
    template <class Condition>
    bool until(Condition condition, std::chrono::milliseconds limit) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (std::chrono::steady_clock::now() < end) {
            live();
            if (condition()) return true;
        }
        return false;
    }
    const CampaignHandle& handle() const { return handle_; }
    Progress progress() const { return handle_.progress(); }
    std::string reason() const { return progress().reason; }
    BackendProgress backend() const { return gate_->backends().front(); }

  private:
    World& world_;
    Deeds& deeds_;
    const int number_;
    TempDir dir_;
    std::unique_ptr<Gate> gate_;
    CampaignHandle handle_;
    TimePoint sampled_{};
    std::int64_t counted_ = 0;
    int samples_ = 0;
};

/// A SteeredNode in a process of its own, with the number 0.
class SteeredProcess {
  public:
    SteeredProcess(World& world, Deeds& deeds, const SharedQuotaOptions& store, int priority,
                   const std::function<void(Campaign&)>& shape = {})
        : pid_(::fork()) {
        if (pid_ < 0) throw std::runtime_error("cannot fork");
        if (pid_ > 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        try {
            SteeredNode node(world, deeds, 0, store, priority, 30000, shape);
            for (;;) node.live();
        } catch (...) {
        }
        ::_exit(1);
    }
    SteeredProcess(const SteeredProcess&) = delete;
    SteeredProcess& operator=(const SteeredProcess&) = delete;
    ~SteeredProcess() { kill(); }

    void kill() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

  private:
    pid_t pid_;
};

/// What one node handed over in a window.
inline double handed(const Deeds& deeds, int node, std::int64_t from, std::int64_t to) {
    double sum = 0;
    for (const auto& deed : deeds.all())
        if (!deed.is_rate && deed.node == node && deed.at >= from && deed.at < to) sum += deed.value;
    return sum;
}

}  // namespace tidegate::test::faults
