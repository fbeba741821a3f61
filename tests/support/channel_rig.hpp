#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "channel/factory.hpp"
#include "net/crypto.hpp"
#include "support/places.hpp"

namespace tidegate::test {

/// Debian's interpreter: the libraries our peers need are Debian packages, and another Python in PATH would lack them.
inline std::string python() {
    return std::filesystem::exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
}

/// The full path of a peer script in tests/support.
inline std::string peer(const std::string& name) {
    return peers_dir() + "/" + name;
}

/// A peer's log: one JSON object a line.
inline std::vector<nlohmann::json> read_log(const std::string& path) {
    std::vector<nlohmann::json> entries;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) entries.push_back(nlohmann::json::parse(line));
    return entries;
}

/// How many entries of a peer's log tell of this event.
inline std::size_t count(const std::vector<nlohmann::json>& log, const std::string& event) {
    return static_cast<std::size_t>(
        std::count_if(log.begin(), log.end(), [&](const nlohmann::json& e) { return e.at("event") == event; }));
}

/// What the peer found wrong with us.
inline std::vector<std::string> faults(const std::vector<nlohmann::json>& log) {
    std::vector<std::string> found;
    for (const nlohmann::json& entry : log) {
        if (entry.contains("fault")) found.push_back(entry["fault"].get<std::string>());
    }
    return found;
}

/// A channel with a thread that runs its loop, and a book of who was told what.
class ChannelRig {
  public:
    explicit ChannelRig(const ChannelOptions& options)
        : io_([this](const std::stop_token& stop) {
              while (!stop.stop_requested()) loop_.run(std::chrono::milliseconds(50));
          }) {
        auto made = make_channel(options, loop_, system_clock());
        if (!made) throw std::runtime_error(made.error().text());
        channel = *made;
    }
    ~ChannelRig() { channel.reset(); }

    Attempt attempt(const std::string& address) {
        Attempt attempt;
        attempt.delivery = ++last_;
        attempt.campaign = "card-benefit";
        attempt.id = net::uuid_of(address + std::to_string(last_));
        attempt.key = "customer-" + std::to_string(last_);
        attempt.address = address;
        attempt.message.title = "(광고) 혜택";
        attempt.message.body = "도착했어요";
        attempt.message.link = "bankapp://benefit/7";
        attempt.message.collapse = "benefit-2026-11";
        attempt.message.data = {{"k", "v"}};
        attempt.expires = system_clock().wall() + std::chrono::hours(4);
        return attempt;
    }

    void submit(const std::vector<Attempt>& attempts) {
        channel->submit(attempts, [this](DeliveryId id, Outcome outcome) {
            const std::lock_guard lock(mutex_);
            ++told_;
            if (!outcomes_.emplace(id, std::move(outcome)).second) ++told_twice_;
            changed_.notify_all();
        });
    }
    /// As the delivery machine does: never more than there is capacity for.
    void send_all(const std::vector<Attempt>& attempts) {
        for (std::size_t sent = 0; sent < attempts.size();) {
            if (!wait_for_capacity(1)) throw std::runtime_error("the channel never had room");
            const auto now = std::min(channel->capacity(), attempts.size() - sent);
            submit({attempts.begin() + static_cast<std::ptrdiff_t>(sent),
                    attempts.begin() + static_cast<std::ptrdiff_t>(sent + now)});
            sent += now;
        }
        if (!wait_told(attempts.size())) throw std::runtime_error("attempts without an outcome");
    }
    /// Delivery ids may come again with a later attempt.
    Outcome send(const Attempt& attempt) {
        std::size_t before = 0;
        {
            const std::lock_guard lock(mutex_);
            outcomes_.erase(attempt.delivery);
            before = told_;
        }
        submit({attempt});
        if (!wait_told(before + 1)) throw std::runtime_error("no outcome");
        const std::lock_guard lock(mutex_);
        return outcomes_.at(attempt.delivery);
    }
    Outcome send_one(const std::string& address) { return send(attempt(address)); }

    bool wait_told(std::size_t count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return told_ >= count; });
    }
    bool wait_for_capacity(std::size_t wanted) {
        for (int i = 0; i < 3000; ++i) {
            if (channel->capacity() >= wanted) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return false;
    }
    std::map<DeliveryId, Outcome> outcomes() {
        const std::lock_guard lock(mutex_);
        return outcomes_;
    }
    std::size_t told() {
        const std::lock_guard lock(mutex_);
        return told_;
    }
    std::size_t told_twice() {
        const std::lock_guard lock(mutex_);
        return told_twice_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<DeliveryId, Outcome> outcomes_;
    std::size_t told_ = 0, told_twice_ = 0;
    DeliveryId last_ = 0;
    net::HttpLoop loop_;
    std::jthread io_;

  public:
    std::shared_ptr<Channel> channel;
};

}  // namespace tidegate::test
