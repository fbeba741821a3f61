#pragma once

#include <curl/curl.h>
#include <signal.h>
#include <sys/epoll.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/transfer.hpp"

namespace tidegate::net {

struct LoopCore;

/// Keeps SIGPIPE from the calling thread for its life and swallows one that came meanwhile: TLS writes and connection
/// ends may raise it, and the host's disposition is not ours to change.
class QuietPipe {
  public:
    QuietPipe();
    ~QuietPipe();
    QuietPipe(const QuietPipe&) = delete;
    QuietPipe& operator=(const QuietPipe&) = delete;

  private:
    sigset_t before_;
    bool was_pending_ = false;
};

/// Who may touch libcurl now: the loop between two waits, or a visitor that destroys something. A thread that is inside
/// may enter again. Visitors go first, or a busy loop would never let them in.
class Gatekeeper {
  public:
    void enter(bool visitor);
    void leave();

  private:
    std::mutex mutex_;
    std::condition_variable freed_;
    std::thread::id inside_;
    int depth_ = 0;
    int visitors_ = 0;
};

class Admission {
  public:
    Admission(Gatekeeper& keeper, bool visitor) : keeper_(keeper) { keeper_.enter(visitor); }
    ~Admission() { keeper_.leave(); }
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;

  private:
    Gatekeeper& keeper_;
};

/// One libcurl multi handle and the transfers on it. A pool has one, and older ones only until their transfers end.
struct Generation {
    Generation(LoopCore& owner, const PoolOptions& options);
    ~Generation();
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    LoopCore& loop;
    const std::uint32_t number;  ///< tells its sockets from those of others in an epoll event
    CURLM* multi;
    std::optional<TimePoint> timer;
    std::optional<bool> multiplexes;  ///< whether the peer speaks HTTP/2, once a connection has been made
    bool settled = false;             ///< and the number of connections follows from it
    std::unordered_map<CURL*, std::unique_ptr<Transfer>> running;

    /// Lowers the number of connections for a peer that speaks HTTP/2: libcurl opens as many as it may, also where a
    /// few carry everything.
    void settle(const PoolOptions& options);
};

struct PoolCore : std::enable_shared_from_this<PoolCore> {
    PoolCore(std::shared_ptr<LoopCore> owner, PoolOptions options);

    void send(HttpRequest request, HttpDone done);
    void renew();
    void cancel_all();
    /// Ends everything, calls back, and refuses what comes later. Safe to call twice.
    void close();

    // The rest is for the thread the Gatekeeper let in.
    void start_queued(TimePoint now);
    void start(std::unique_ptr<Transfer> transfer, Generation& generation, TimePoint now);
    void collect(Generation& generation);
    void drop_drained();
    /// Gives up what was sent before the request numbered `mark`.
    void give_up(std::uint64_t mark);
    /// Calls back whatever is finished; true when there was something.
    bool deliver();
    void finish(std::unique_ptr<Transfer> transfer);
    Generation& current();

    const std::shared_ptr<LoopCore> loop;
    PoolSetup setup;

    std::mutex mutex;  // guards the next four
    std::deque<std::unique_ptr<Transfer>> queue;
    std::uint64_t next_id = 1;
    bool renew_wanted = false;
    bool closed = false;

    std::atomic<std::size_t> active = 0;

    std::vector<std::unique_ptr<Generation>> generations;  ///< the last is the one for new requests
    std::deque<std::unique_ptr<Transfer>> finished;
    std::vector<CURL*> idle;
    std::vector<std::pair<CURL*, CURLcode>> ended;  ///< used within `collect`; keeps its memory
};

struct LoopCore {
    LoopCore();
    ~LoopCore();

    void run(Duration max_wait);
    /// One turn: events, tasks, new requests, timers, callbacks. True when somebody was called. Lowers `wake_at`.
    bool advance(std::span<const epoll_event> events, TimePoint& wake_at);
    void nudge();
    void post(std::function<void()> task);
    std::vector<std::shared_ptr<PoolCore>> all_pools();
    bool on_loop_thread() const { return runner == std::this_thread::get_id(); }
    void close();

    Gatekeeper keeper;
    std::atomic<std::thread::id> runner;
    std::atomic<bool> woken = false;
    std::atomic<bool> nudged = false;
    int epoll = -1;
    int event = -1;

    std::mutex mutex;  // guards the next three
    std::vector<std::function<void()>> tasks;
    std::vector<std::shared_ptr<PoolCore>> pools;
    bool closed = false;

    // For the thread the Gatekeeper let in.
    std::uint32_t next_generation = 1;
    std::unordered_map<std::uint32_t, Generation*> generations;
};

/// Runs code of the host's; what it throws ends here.
template <class Call>
void shielded(Call call) noexcept {
    try {
        call();
    } catch (...) {
    }
}

}  // namespace tidegate::net
