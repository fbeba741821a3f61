#include <algorithm>
#include <limits>
#include <utility>

#include "net/loop.hpp"

namespace tidegate::net {
namespace {

constexpr std::size_t most_idle_handles = 1024;

TimePoint monotonic_now() {
    return std::chrono::steady_clock::now();
}

int on_socket(CURL*, curl_socket_t socket, int what, void* user, void*) {
    Generation& generation = *static_cast<Generation*>(user);
    epoll_event event = {};
    event.data.u64 = static_cast<std::uint64_t>(generation.number) << 32 | static_cast<std::uint32_t>(socket);
    if (what == CURL_POLL_REMOVE) {
        ::epoll_ctl(generation.loop.epoll, EPOLL_CTL_DEL, socket, &event);
        return 0;
    }
    if (what != CURL_POLL_OUT) event.events |= EPOLLIN;
    if (what != CURL_POLL_IN) event.events |= EPOLLOUT;
    // The kernel forgets a closed descriptor by itself, so only it knows whether this one is new.
    if (::epoll_ctl(generation.loop.epoll, EPOLL_CTL_MOD, socket, &event) == 0) return 0;
    return ::epoll_ctl(generation.loop.epoll, EPOLL_CTL_ADD, socket, &event) == 0 ? 0 : -1;
}

int on_timer(CURLM*, long milliseconds, void* user) {
    Generation& generation = *static_cast<Generation*>(user);
    generation.timer.reset();
    if (milliseconds >= 0) generation.timer = monotonic_now() + std::chrono::milliseconds(milliseconds);
    return 0;
}

long as_long(std::size_t value) {
    return static_cast<long>(std::clamp<std::size_t>(value, 1, 0x7fffffff));
}

}  // namespace

Generation::Generation(LoopCore& owner, const PoolOptions& options)
    : loop(owner), number(owner.next_generation++), multi(curl_multi_init()) {
    must(multi != nullptr);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, as_long(options.max_connections));
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, as_long(options.max_connections));
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, as_long(options.max_connections));
    curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, as_long(options.max_streams));
    loop.generations[number] = this;
}

void Generation::settle(const PoolOptions& options) {
    if (settled || !multiplexes) return;
    settled = true;
    if (!*multiplexes) return;
    const long few = as_long(std::min(options.max_connections, options.max_h2_connections));
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, few);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, few);
}

Generation::~Generation() {
    for (auto& [easy, transfer] : running) curl_multi_remove_handle(multi, easy);
    curl_multi_cleanup(multi);
    loop.generations.erase(number);
}

PoolCore::PoolCore(std::shared_ptr<LoopCore> owner, PoolOptions options)
    : loop(std::move(owner)), setup(std::move(options)) {}

void PoolCore::send(HttpRequest request, HttpDone done) {
    auto transfer = std::make_unique<Transfer>();
    transfer->request = std::move(request);
    transfer->done = std::move(done);
    transfer->handed_over = monotonic_now();
    ++active;
    {
        const std::lock_guard lock(mutex);
        if (!closed) {
            transfer->id = next_id++;
            queue.push_back(std::move(transfer));
        }
    }
    if (!transfer) {
        loop->nudge();
        return;
    }
    --active;
    // NOLINTNEXTLINE(bugprone-use-after-move): whoever comes here was not moved into the queue
    transfer->abandon("the connection pool has ended");
    shielded([&] { transfer->done(std::move(transfer->result)); });
}

void PoolCore::renew() {
    const std::lock_guard lock(mutex);
    renew_wanted = true;
}

void PoolCore::cancel_all() {
    std::uint64_t mark = 0;
    {
        const std::lock_guard lock(mutex);
        mark = next_id;
    }
    if (!loop->on_loop_thread()) {
        loop->post([self = shared_from_this(), mark] {
            self->give_up(mark);
            self->deliver();
        });
        return;
    }
    const Admission admission(loop->keeper, true);
    const QuietPipe quiet;
    give_up(mark);
    deliver();
}

void PoolCore::close() {
    const Admission admission(loop->keeper, true);
    const QuietPipe quiet;
    {
        const std::lock_guard lock(mutex);
        closed = true;
    }
    give_up(std::numeric_limits<std::uint64_t>::max());
    deliver();
    generations.clear();
    for (CURL* const easy : idle) curl_easy_cleanup(easy);
    idle.clear();
}

Generation& PoolCore::current() {
    bool fresh = generations.empty();
    {
        const std::lock_guard lock(mutex);
        fresh = std::exchange(renew_wanted, false) || fresh;
    }
    if (fresh) generations.push_back(std::make_unique<Generation>(*loop, setup.options()));
    return *generations.back();
}

void PoolCore::start_queued(TimePoint now) {
    std::deque<std::unique_ptr<Transfer>> starting;
    {
        const std::lock_guard lock(mutex);
        starting.swap(queue);
    }
    if (starting.empty()) return;
    Generation& generation = current();
    for (auto& transfer : starting) start(std::move(transfer), generation, now);
}

void PoolCore::start(std::unique_ptr<Transfer> transfer, Generation& generation, TimePoint now) {
    if (!setup.fault().empty()) {
        transfer->abandon(setup.fault());
        return finish(std::move(transfer));
    }
    CURL* easy = nullptr;
    if (!idle.empty()) {
        easy = idle.back();
        idle.pop_back();
    } else if ((easy = curl_easy_init()) == nullptr || !setup.configure(easy)) {
        curl_easy_cleanup(easy);
        transfer->abandon("libcurl refused an option; it must be 7.80 or later with HTTP/2 and OpenSSL");
        return finish(std::move(transfer));
    }
    if (!transfer->prepare(easy, setup, now)) return finish(std::move(transfer));
    Transfer& placed = *transfer;
    placed.multiplexes = &generation.multiplexes;
    generation.running[easy] = std::move(transfer);
    if (curl_multi_add_handle(generation.multi, easy) == CURLM_OK) return;
    auto back = std::move(generation.running[easy]);
    generation.running.erase(easy);
    placed.abandon("libcurl did not take the request");
    finish(std::move(back));
}

void PoolCore::collect(Generation& generation) {
    // All messages first: removing a handle makes libcurl look through those that are left.
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(generation.multi, &left)) {
        if (message->msg == CURLMSG_DONE) ended.emplace_back(message->easy_handle, message->data.result);
    }
    for (const auto& [easy, code] : ended) {
        const auto found = generation.running.find(easy);
        if (found == generation.running.end()) continue;
        auto transfer = std::move(found->second);
        generation.running.erase(found);
        transfer->conclude(code);
        curl_multi_remove_handle(generation.multi, easy);
        finish(std::move(transfer));
    }
    ended.clear();
}

void PoolCore::drop_drained() {
    if (generations.size() < 2) return;
    const auto drained = [this](const auto& g) { return g != generations.back() && g->running.empty(); };
    generations.erase(std::remove_if(generations.begin(), generations.end() - 1, drained), generations.end() - 1);
}

void PoolCore::give_up(std::uint64_t mark) {
    std::deque<std::unique_ptr<Transfer>> unsent;
    {
        const std::lock_guard lock(mutex);
        while (!queue.empty() && queue.front()->id < mark) {  // the queue is in the order of the numbers
            unsent.push_back(std::move(queue.front()));
            queue.pop_front();
        }
    }
    for (auto& generation : generations) {
        collect(*generation);  // what has its answer already keeps it
        for (auto it = generation->running.begin(); it != generation->running.end();) {
            if (it->second->id >= mark) {
                ++it;
                continue;
            }
            auto transfer = std::move(it->second);
            it = generation->running.erase(it);
            curl_multi_remove_handle(generation->multi, transfer->easy);
            transfer->abandon("cancelled");
            finish(std::move(transfer));
        }
    }
    for (auto& transfer : unsent) {
        transfer->abandon("cancelled before it was sent");
        finish(std::move(transfer));
    }
}

void PoolCore::finish(std::unique_ptr<Transfer> transfer) {
    if (CURL* const easy = std::exchange(transfer->easy, nullptr)) {
        // What points into the transfer must not outlive it.
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, nullptr);
        if (idle.size() < most_idle_handles) {
            idle.push_back(easy);
        } else {
            curl_easy_cleanup(easy);
        }
    }
    transfer->result.elapsed = monotonic_now() - transfer->handed_over;
    finished.push_back(std::move(transfer));
}

bool PoolCore::deliver() {
    bool any = false;
    while (!finished.empty()) {
        // Taken out first: the callback may cancel or destroy this pool, which delivers the rest.
        const auto transfer = std::move(finished.front());
        finished.pop_front();
        --active;
        any = true;
        shielded([&] { transfer->done(std::move(transfer->result)); });
    }
    return any;
}

}  // namespace tidegate::net
