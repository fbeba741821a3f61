#pragma once

#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "quota/redis_quota.hpp"
#include "support/free_port.hpp"
#include "tidegate/quota/token_bucket.hpp"

// Nodes as processes of their own, what they did on one clock, and a judge of it. A rig is used from a process with one
// thread: nodes are forked, not started anew, so that they share its memory of what happened.
namespace tidegate::test {

/// Memory that forked processes share; zeroed.
template <class T>
class Shared {
  public:
    explicit Shared(std::size_t count = 1) : bytes_(sizeof(T) * count) {
        void* const at =
            ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED) throw std::bad_alloc();
        data_ = static_cast<T*>(at);
    }
    ~Shared() { ::munmap(data_, bytes_); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    T* operator->() const { return data_; }
    T& operator[](std::size_t i) const { return data_[i]; }

  private:
    std::size_t bytes_;
    T* data_ = nullptr;
};

inline std::int64_t stamp() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

/// One thing a node did. A record is whole when `at` is set, which is written last.
struct Deed {
    std::atomic<std::int64_t> at;  ///< nanoseconds of the one clock
    std::int64_t expires;          ///< of a rate: when it ends by itself
    double value;                  ///< messages handed over, or the rate in force from now on
    std::int32_t node;
    std::int32_t is_rate;
};

/// What all nodes did, in the order in which they came to say so.
class Deeds {
  public:
    static constexpr std::size_t room = 4'000'000;

    void hand_off(int node, double count) { add(node, count, 0, 0, stamp()); }
    /// Said after lowering and before raising, so that the sum of what is written is never below the truth.
    void rate(int node, double rate, std::int64_t expires) { add(node, rate, expires, 1, stamp()); }

    struct Entry {
        std::int64_t at, expires;
        double value;
        int node;
        bool is_rate;
    };
    std::vector<Entry> all() const {
        std::vector<Entry> made;
        const std::size_t count = std::min<std::size_t>(next_->load(), room);
        for (std::size_t i = 0; i < count; ++i)
            if (const auto at = deeds_[i].at.load())
                made.push_back({at, deeds_[i].expires, deeds_[i].value, deeds_[i].node, deeds_[i].is_rate != 0});
        std::stable_sort(made.begin(), made.end(), [](const Entry& a, const Entry& b) { return a.at < b.at; });
        return made;
    }

  private:
    void add(int node, double value, std::int64_t expires, int is_rate, std::int64_t at) {
        const std::size_t i = next_->fetch_add(1);
        if (i >= room) return;
        deeds_[i].node = node;
        deeds_[i].value = value;
        deeds_[i].expires = expires;
        deeds_[i].is_rate = is_rate;
        deeds_[i].at.store(at);
    }

    Shared<std::atomic<std::size_t>> next_;
    Shared<Deed> deeds_{room};
};

/// What the judge found.
struct Verdict {
    double worst_sum = 0;     ///< the highest sum of rates in force at one instant
    double worst_second = 0;  ///< the most messages handed over in any window of one second
    double handed_over = 0;
    double nodes = 0;
};

inline Verdict judge(const std::vector<Deeds::Entry>& deeds) {
    Verdict verdict;
    // Rates: at each change the sum of those that have not ended by themselves.
    std::map<int, std::pair<double, std::int64_t>> in_force;
    std::size_t from = 0;
    double window = 0;
    std::vector<std::pair<std::int64_t, double>> handed;
    for (const auto& deed : deeds) {
        if (!deed.is_rate) {
            handed.emplace_back(deed.at, deed.value);
            verdict.handed_over += deed.value;
            continue;
        }
        in_force[deed.node] = {deed.value, deed.expires};
        double sum = 0;
        for (const auto& [node, rate] : in_force)
            if (deed.at < rate.second) sum += rate.first;
        verdict.worst_sum = std::max(verdict.worst_sum, sum);
    }
    for (const auto& [at, count] : handed) {
        window += count;
        while (handed[from].first <= at - 1'000'000'000) window -= handed[from++].second;
        verdict.worst_second = std::max(verdict.worst_second, window);
    }
    verdict.nodes = static_cast<double>(in_force.size());
    return verdict;
}

/// What a node wants, changeable while it runs.
struct Knobs {
    std::atomic<double> wants;
    std::atomic<std::int64_t> clock_offset;  ///< nanoseconds added to the clock its leases are counted on
    std::atomic<bool> stop;
    std::atomic<double> rate;  ///< what it may use now, for tests to wait on
    std::atomic<std::uint64_t> calls;
    std::atomic<std::int64_t> leads;
};

/// To a sink that counts what arrives, a byte a message; without one nothing is sent anywhere.
class Outlet {
  public:
    explicit Outlet(std::uint16_t port) {
        if (port == 0) return;
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_in to = loopback(port);
        const int on = 1;
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 ||
            ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
            throw std::runtime_error("the sink cannot be reached");
    }
    Outlet(const Outlet&) = delete;
    Outlet& operator=(const Outlet&) = delete;
    ~Outlet() {
        if (socket_ >= 0) ::close(socket_);
    }
    void send() const {
        if (socket_ >= 0 && ::send(socket_, "m", 1, MSG_NOSIGNAL) != 1) throw std::runtime_error("the sink is gone");
    }

  private:
    int socket_ = -1;
};

/// A process that leases a rate and hands messages over as fast as that lets it.
class QuotaNode {
  public:
    QuotaNode(Deeds& deeds, int number, const SharedQuotaOptions& options, double wants,
              const std::map<std::string, double>& caps, quota::RedisQuotaSeams seams = {}, std::uint16_t sink = 0) {
        knobs_->wants = wants;
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("cannot fork");
        if (pid_ > 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        try {
            run(deeds, number, options, caps, std::move(seams), Outlet(sink));
        } catch (...) {
        }
        ::_exit(0);
    }
    QuotaNode(const QuotaNode&) = delete;
    QuotaNode& operator=(const QuotaNode&) = delete;
    ~QuotaNode() {
        signal(SIGCONT);
        knobs_->stop = true;
        for (int i = 0; i < 300 && !ended(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        kill();
    }

    Knobs* operator->() const { return &knobs_[0]; }
    void signal(int number) const {
        if (!ended_) ::kill(pid_, number);
    }
    void kill() {
        signal(SIGKILL);
        if (!ended_) ::waitpid(pid_, nullptr, 0);
        ended_ = true;
    }
    bool ended() {
        if (!ended_ && ::waitpid(pid_, nullptr, WNOHANG) == pid_) ended_ = true;
        return ended_;
    }

  private:
    void run(Deeds& deeds, int number, const SharedQuotaOptions& options, const std::map<std::string, double>& caps,
             quota::RedisQuotaSeams seams, const Outlet& outlet) {
        using namespace std::chrono_literals;
        Knobs& knobs = knobs_[0];
        const bool wall = static_cast<bool>(seams.clock) && seams.clock() == TimePoint::min();
        if (wall) seams.clock = [&knobs] { return awake_now() + Duration(knobs.clock_offset.load()); };
        std::unique_ptr<SharedQuota> store;
        while (!store && !knobs.stop) {
            auto made = quota::make_redis_quota(options, 500ms, seams);
            if (made) store = std::move(*made);
        }
        if (!store) return;
        for (const auto& [resource, cap] : caps) store->set_cap(resource, Rate{cap});
        std::vector<Flow> flows{{"spring/push", {"camp:spring", "acct:push"}, 5, Rate{}, {}}};
        TokenBucket bucket(Rate{}, system_clock().now());
        Lease lease;
        double said = -1;
        std::int64_t said_until = 0;
        TimePoint next_tick{};
        while (!knobs.stop) {
            const TimePoint now = system_clock().now();
            if (now >= next_tick) {
                next_tick = now + 40ms;  // as a Gate that shares its limits
                flows[0].wants = Rate{knobs.wants};
                const auto leases = store->renew(flows, now);
                if (leases) lease = leases->front();
                if (wall) lease.expires_awake = TimePoint::max();
                const std::int64_t until = lease.expires.time_since_epoch().count();
                if (stamp() >= said_until) said = 0;  // it ended by itself: nothing is carried over into a new lease
                const bool raised = lease.rate.per_second > said || until > said_until;
                if (raised) deeds.rate(number, std::max(lease.rate.per_second, said), until);
                bucket.set_rate(lease.rate, now);
                deeds.rate(number, lease.rate.per_second, until);
                said = lease.rate.per_second;
                said_until = until;
                knobs.rate = live(lease, now) ? said : 0.0;
                const QuotaView view = store->view(now);
                knobs.calls = view.calls;
                knobs.leads = view.leads ? 1 : 0;
            }
            for (std::uint64_t left = bucket.available(now); left > 0 && live(lease, system_clock().now()); --left) {
                if (bucket.take(1, now) == 0) break;
                deeds.hand_off(number, 1);
                outlet.send();
            }
            std::this_thread::sleep_for(2ms);
        }
        deeds.rate(number, 0, 0);
        store.reset();
    }

    Shared<Knobs> knobs_;
    pid_t pid_ = -1;
    bool ended_ = false;
};

/// Marks seams whose leases count on the wall clock: the node then trusts nothing else.
inline TimePoint wall_clock_mark() {
    return TimePoint::min();
}

}  // namespace tidegate::test
