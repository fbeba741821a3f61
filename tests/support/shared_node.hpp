#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"
#include "support/vector_audience.hpp"
#include "tidegate/delivery/gate.hpp"
#include "tidegate/testing/scripted_channel.hpp"

// Gates that share their limits through a real Redis; only the channel is scripted.
namespace tidegate::test {

template <class Condition>
bool within(std::chrono::milliseconds limit, Condition condition) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

/// What all nodes handed over, on one clock.
class Arrivals {
  public:
    void add(const std::string& address) {
        const auto now = std::chrono::steady_clock::now();
        const std::lock_guard lock(mutex_);
        all_.emplace_back(now, address);
    }
    std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return all_.size();
    }
    /// The most in any window of one second.
    std::size_t busiest_second() const {
        const std::lock_guard lock(mutex_);
        std::size_t most = 0, from = 0;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            while (all_[from].first <= all_[i].first - std::chrono::seconds(1)) ++from;
            most = std::max(most, i - from + 1);
        }
        return most;
    }
    std::size_t different() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> addresses;
        for (const auto& [at, address] : all_) addresses.push_back(address);
        std::sort(addresses.begin(), addresses.end());
        return static_cast<std::size_t>(std::unique(addresses.begin(), addresses.end()) - addresses.begin());
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::pair<std::chrono::steady_clock::time_point, std::string>> all_;
};

/// One node: a gate over the account "push", with a ledger of its own.
struct SharedNode {
    static constexpr double lease = 1.0;  // seconds; short, so that what waits for its end is short

    std::string name;
    TempDir dir;
    std::shared_ptr<testing::ScriptedChannel> channel;
    std::mutex mutex;
    std::vector<std::string> log;
    std::unique_ptr<Gate> gate;  // last: it logs to its end

    SharedNode(const std::string& called, const std::string& redis, Arrivals& arrivals, double cap,
               Duration grace = std::chrono::minutes(5), testing::ScriptedChannel::Script answer = {})
        : name(called) {
        Site site;
        ChannelOptions push;
        push.name = "push";
        push.per_second = Rate{cap};
        site.channels.push_back(push);
        site.backends.push_back(app());
        site.quota = QuotaOptions{};
        site.quota->store.redis = redis;
        site.quota->store.domain = "test";
        site.quota->store.node = name;
        site.quota->grace = grace;
        site.quota->store.rules.lease = std::chrono::seconds(1);
        site.quota->store.rules.renew = std::chrono::milliseconds(300);
        ChannelTraits traits;
        traits.kind = "custom";
        traits.address_type = "push";
        traits.collapsible = true;
        channel = std::make_shared<testing::ScriptedChannel>(
            traits, [&arrivals, answer = std::move(answer)](const Attempt& attempt) {
                arrivals.add(attempt.address);
                return answer ? answer(attempt) : accepted();
            });
        GateOptions options;
        options.lock_dir = dir.path();
        options.channels["push"] = channel;
        options.log = [this](LogLevel, std::string_view line) {
            const std::lock_guard lock(mutex);
            log.emplace_back(line);
        };
        auto opened = Gate::open(site, system_clock(), options);
        if (!opened) FAIL(opened.error().front().text());
        gate = std::move(*opened);
    }

    /// Nobody watches it; only the red button can hold it.
    static Backend app() {
        Backend made;
        made.limits.name = "app";
        made.limits.capacity_hint = 1e6;
        made.limits.max_age = std::chrono::hours(1);
        return made;
    }

    static Campaign campaign(const std::string& id) {
        Campaign made;
        made.id = id;
        made.purpose = Purpose::informational;
        made.audience.addresses = {{"push", "address"}};
        made.message.body = "hello";
        made.message.collapse = "c";
        made.send = {{"push", false}};
        made.impact["app"] = {0, 0};
        made.cohorts.count = 1;
        made.cohorts.gap = std::chrono::seconds(0);
        return made;
    }

    CampaignHandle start(const Campaign& campaign, std::size_t people) const {
        std::vector<std::vector<std::string>> rows;
        for (std::size_t i = 0; i < people; ++i)
            rows.push_back({name + std::to_string(i), name + "-" + std::to_string(i)});
        VectorAudience audience({"key", "address"}, std::move(rows));
        RunOptions options;
        options.ledger_dir = dir.file("ledger");
        auto handle = gate->start(campaign, audience, options);
        if (!handle) FAIL(handle.error().front().text());
        return *handle;
    }
};

inline std::uint64_t accepted_of(const CampaignHandle& handle) {
    return handle.progress().totals.outcomes[static_cast<std::size_t>(Final::accepted)];
}

}  // namespace tidegate::test
