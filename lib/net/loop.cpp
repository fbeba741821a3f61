#include "net/loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace tidegate::net {
namespace {

TimePoint monotonic_now() {
    return std::chrono::steady_clock::now();
}

sigset_t only_sigpipe() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

bool sigpipe_pending() {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

/// Rounded up: a timer must not find itself early and spin.
int milliseconds_until(TimePoint then) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(then - monotonic_now());
    return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 3600 * 1000));
}

}  // namespace

QuietPipe::QuietPipe() {
    was_pending_ = sigpipe_pending();
    const sigset_t pipe = only_sigpipe();
    pthread_sigmask(SIG_BLOCK, &pipe, &before_);
}

QuietPipe::~QuietPipe() {
    if (!was_pending_ && sigpipe_pending()) {
        const sigset_t pipe = only_sigpipe();
        const timespec at_once = {};
        while (sigtimedwait(&pipe, nullptr, &at_once) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Gatekeeper::enter(bool visitor) {
    std::unique_lock lock(mutex_);
    if (depth_ > 0 && inside_ == std::this_thread::get_id()) {
        ++depth_;
        return;
    }
    visitors_ += visitor ? 1 : 0;
    freed_.wait(lock, [&] { return depth_ == 0 && (visitor || visitors_ == 0); });
    visitors_ -= visitor ? 1 : 0;
    inside_ = std::this_thread::get_id();
    depth_ = 1;
}

void Gatekeeper::leave() {
    const std::lock_guard lock(mutex_);
    if (--depth_ == 0) freed_.notify_all();
}

LoopCore::LoopCore() {
    initialise_curl();
    epoll = ::epoll_create1(EPOLL_CLOEXEC);
    event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    epoll_event interest = {};
    interest.events = EPOLLIN;
    interest.data.u64 = 0;
    if (epoll < 0 || event < 0 || ::epoll_ctl(epoll, EPOLL_CTL_ADD, event, &interest) != 0) {
        ::close(epoll);
        ::close(event);
        throw std::runtime_error("cannot make an event loop: no descriptors left");
    }
}

LoopCore::~LoopCore() {
    ::close(epoll);
    ::close(event);
}

void LoopCore::nudge() {
    const std::uint64_t one = 1;
    if (!nudged.exchange(true)) [[maybe_unused]]
        const ssize_t written = ::write(event, &one, sizeof one);
}

void LoopCore::post(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex);
        if (closed) return;
        tasks.push_back(std::move(task));
    }
    nudge();
}

std::vector<std::shared_ptr<PoolCore>> LoopCore::all_pools() {
    const std::lock_guard lock(mutex);
    return pools;
}

void LoopCore::run(Duration max_wait) {
    const QuietPipe quiet;
    runner = std::this_thread::get_id();
    const TimePoint end = monotonic_now() + std::clamp<Duration>(max_wait, Duration::zero(), std::chrono::hours(1));
    std::array<epoll_event, 256> events;
    std::size_t ready = 0;
    for (bool last = false;;) {
        TimePoint wake_at = end;
        {
            const Admission admission(keeper, false);
            const bool called = advance({events.data(), ready}, wake_at);
            if (called || woken.exchange(false) || last) return;
        }
        const int count =
            ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), milliseconds_until(wake_at));
        ready = static_cast<std::size_t>(std::max(count, 0));
        last = monotonic_now() >= end;
    }
}

bool LoopCore::advance(std::span<const epoll_event> events, TimePoint& wake_at) {
    for (const epoll_event& happened : events) {
        if (happened.data.u64 == 0) {
            std::uint64_t count = 0;
            [[maybe_unused]] const ssize_t got = ::read(event, &count, sizeof count);
            nudged = false;  // before the queues are looked at: what comes later nudges again
            continue;
        }
        // A visitor may have ended this generation since the event was fetched.
        const auto found = generations.find(static_cast<std::uint32_t>(happened.data.u64 >> 32));
        if (found == generations.end()) continue;
        int flags = 0;
        if ((happened.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) flags |= CURL_CSELECT_IN;
        if ((happened.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) flags |= CURL_CSELECT_OUT;
        int running = 0;
        const auto socket = static_cast<curl_socket_t>(happened.data.u64 & 0xffffffffu);
        curl_multi_socket_action(found->second->multi, socket, flags, &running);
    }

    std::vector<std::function<void()>> due;
    {
        const std::lock_guard lock(mutex);
        due.swap(tasks);
    }
    bool called = !due.empty();
    for (auto& task : due) shielded(task);

    const auto present = all_pools();
    const TimePoint now = monotonic_now();
    for (const auto& pool : present) {
        pool->start_queued(now);
        for (const auto& generation : pool->generations) {
            generation->settle(pool->setup.options());  // first: the timer lets those that wait open connections
            if (generation->timer && *generation->timer <= now) {
                generation->timer.reset();
                int running = 0;
                curl_multi_socket_action(generation->multi, CURL_SOCKET_TIMEOUT, 0, &running);
            }
            pool->collect(*generation);
        }
        pool->drop_drained();
    }
    for (const auto& pool : present) called = pool->deliver() || called;
    for (const auto& [number, generation] : generations) {
        if (generation->timer) wake_at = std::min(wake_at, *generation->timer);
    }
    return called;
}

void LoopCore::close() {
    {
        const Admission admission(keeper, true);
        for (const auto& pool : all_pools()) pool->close();
    }
    std::vector<std::function<void()>> dropped;
    std::vector<std::shared_ptr<PoolCore>> released;
    const std::lock_guard lock(mutex);
    closed = true;
    dropped.swap(tasks);
    released.swap(pools);
}

HttpPool::HttpPool(std::shared_ptr<PoolCore> core) : core_(std::move(core)) {}

HttpPool::~HttpPool() {
    core_->close();
    const std::lock_guard lock(core_->loop->mutex);
    std::erase(core_->loop->pools, core_);
}

void HttpPool::send(HttpRequest request, HttpDone done) {
    core_->send(std::move(request), std::move(done));
}
std::size_t HttpPool::active() const {
    return core_->active;
}
void HttpPool::renew_connections() {
    core_->renew();
}
void HttpPool::cancel_all() {
    core_->cancel_all();
}

HttpLoop::HttpLoop() : core_(std::make_shared<LoopCore>()) {}
HttpLoop::~HttpLoop() {
    core_->close();
}

std::unique_ptr<HttpPool> HttpLoop::pool(PoolOptions options) {
    auto core = std::make_shared<PoolCore>(core_, std::move(options));
    {
        const std::lock_guard lock(core_->mutex);
        core_->pools.push_back(core);
    }
    return std::unique_ptr<HttpPool>(new HttpPool(std::move(core)));
}

void HttpLoop::run(Duration max_wait) {
    const auto alive = core_;  // a callback may destroy the loop
    alive->run(max_wait);
}

void HttpLoop::wake() {
    core_->woken = true;
    core_->nudge();
}

void HttpLoop::post(std::function<void()> task) {
    core_->post(std::move(task));
}

HttpResult fetch(const HttpRequest& request, const PoolOptions& options) {
    HttpLoop loop;
    std::optional<HttpResult> result;
    const auto pool = loop.pool(options);
    pool->send(request, [&result](HttpResult r) { result = std::move(r); });
    while (!result) loop.run(std::chrono::seconds(1));
    return *std::move(result);
}

}  // namespace tidegate::net
