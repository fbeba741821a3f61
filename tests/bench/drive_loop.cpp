// What dispatch is measured against: libcurl's multi interface with nothing around it, in both of its forms.

#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "../support/temp_dir.hpp"
#include "drivers.hpp"
#include "measure.hpp"

namespace tidegate::bench {

namespace {

struct Task {
    std::string url, ca, body;
    long connections = 1, streams = 100;
    std::string waiting_url;  // of a server that never answers
    long waiting = 0;         // requests that wait there meanwhile
    std::uint64_t messages = 0;
};

struct Counts {
    std::atomic<std::uint64_t> done{0}, failed{0};
};

std::size_t ignore(char*, std::size_t, std::size_t size, void*) {
    return size;
}

/// One multi handle and its easy handles, each of which sends again as soon as it has its answer.
class Loop {
  public:
    Loop(const Task& task, Counts& counts) : task_(task), counts_(counts), multi_(curl_multi_init()) {
        curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
        curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, std::max(task.connections, task.waiting));
        curl_multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, task.streams);
        for (const char* line : {"Content-Type: application/json", "Expect:", "Tidegate-Timestamp: 1763870400",
                                 "Idempotency-Key: 0b6fb9ac-36bd-8d6b-9a36-6e2ea1a0e4f2"}) {
            headers_ = curl_slist_append(headers_, line);
        }
    }
    ~Loop() {
        for (CURL* const easy : handles_) {
            curl_multi_remove_handle(multi_, easy);
            curl_easy_cleanup(easy);
        }
        curl_multi_cleanup(multi_);
        curl_slist_free_all(headers_);
        if (epoll_ >= 0) ::close(epoll_);
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void by_perform() {
        begin();
        while (under_way_ > 0) {
            int running = 0;
            curl_multi_perform(multi_, &running);
            if (!collect()) curl_multi_poll(multi_, nullptr, 0, 100, nullptr);
        }
    }

    void by_socket_action() {
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Loop::on_socket);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Loop::on_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        begin();
        std::array<epoll_event, 64> events;
        while (under_way_ > 0) {
            const auto now = std::chrono::steady_clock::now();
            int running = 0, wait = 100;
            if (timer_ && *timer_ <= now) {
                timer_.reset();
                curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
                collect();
            }
            if (timer_) {
                const auto left = std::chrono::ceil<std::chrono::milliseconds>(*timer_ - now).count();
                wait = static_cast<int>(std::clamp<std::int64_t>(left, 0, 100));
            }
            const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait);
            for (int i = 0; i < count; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                const int flags = ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                                  ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
                curl_multi_socket_action(multi_, event.data.fd, flags, &running);
            }
            collect();
        }
    }

  private:
    void begin() {
        for (long i = 0; i < task_.waiting; ++i) {
            CURL* const easy = curl_easy_init();
            curl_easy_setopt(easy, CURLOPT_URL, task_.waiting_url.c_str());
            curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
            curl_easy_setopt(easy, CURLOPT_PROXY, "");
            handles_.push_back(easy);
            curl_multi_add_handle(multi_, easy);
        }
        const auto width = std::min<std::uint64_t>(
            task_.messages, static_cast<std::uint64_t>(task_.connections) * static_cast<std::uint64_t>(task_.streams));
        for (std::uint64_t i = 0; i < width; ++i) {
            CURL* const easy = curl_easy_init();
            curl_easy_setopt(easy, CURLOPT_URL, task_.url.c_str());
            curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
            curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
            curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
            curl_easy_setopt(easy, CURLOPT_PROXY, "");
            curl_easy_setopt(easy, CURLOPT_CAINFO, task_.ca.c_str());
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, task_.body.c_str());
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(task_.body.size()));
            curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_);
            curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
            curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &ignore);
            handles_.push_back(easy);
            send(easy);
        }
    }

    void send(CURL* easy) {
        if (begun_ == task_.messages) return;
        ++begun_;
        ++under_way_;
        curl_multi_add_handle(multi_, easy);
    }

    bool collect() {
        int left = 0;
        std::uint64_t ended = 0;
        while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            CURL* const easy = message->easy_handle;
            long status = 0;
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            if (message->data.result != CURLE_OK || status != 200) ++counts_.failed;
            curl_multi_remove_handle(multi_, easy);
            --under_way_;
            ++ended;
            send(easy);
        }
        counts_.done += ended;
        return ended > 0;
    }

    static int on_socket(CURL*, curl_socket_t socket, int what, void* user, void*) {
        const int epoll = static_cast<Loop*>(user)->epoll_;
        epoll_event event = {};
        event.data.fd = socket;
        if (what == CURL_POLL_REMOVE) {
            ::epoll_ctl(epoll, EPOLL_CTL_DEL, socket, &event);
            return 0;
        }
        if (what != CURL_POLL_OUT) event.events |= EPOLLIN;
        if (what != CURL_POLL_IN) event.events |= EPOLLOUT;
        if (::epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0) ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
        return 0;
    }

    static int on_timer(CURLM*, long milliseconds, void* user) {
        Loop& self = *static_cast<Loop*>(user);
        self.timer_.reset();
        if (milliseconds >= 0) {
            self.timer_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
        }
        return 0;
    }

    const Task task_;
    Counts& counts_;
    CURLM* const multi_;
    curl_slist* headers_ = nullptr;
    std::vector<CURL*> handles_;
    std::uint64_t begun_ = 0, under_way_ = 0;
    int epoll_ = -1;
    std::optional<TimePoint> timer_;
};

}  // namespace

int bare_loop(const Options& options) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const bool perform = options.text("mode", "socket") == "perform";
    const long threads = options.number("threads", 1);
    const auto messages = static_cast<std::uint64_t>(options.number("messages", 20'000));
    Task task;
    task.url = options.text("url");
    task.ca = options.text("ca");
    task.body = test::read_file(options.text("body"));
    task.connections = options.number("connections", 1);  // in all threads together
    task.streams = options.number("streams", 100);
    if (threads < 1 || task.connections % threads != 0) throw std::runtime_error("connections must divide by threads");
    task.connections /= threads;
    task.messages = messages / static_cast<std::uint64_t>(threads);
    task.waiting = options.number("waiting", 0);
    task.waiting_url = options.text("waiting-url", "");

    Counts counts;
    const std::uint64_t all = task.messages * static_cast<std::uint64_t>(threads);
    SteadyRate rate(all);
    std::vector<std::jthread> workers;
    for (long i = 0; i < threads; ++i) {
        workers.emplace_back([&] {
            Loop loop(task, counts);
            perform ? loop.by_perform() : loop.by_socket_action();
        });
    }
    while (counts.done < all) {
        rate.seen(counts.done);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    rate.seen(all);
    workers.clear();
    report({{"messages", static_cast<double>(all)},
            {"failed", static_cast<double>(counts.failed)},
            {"per_second", rate.per_second()},
            {"cpu_us", rate.cpu_us()}});
    return 0;
}

}  // namespace tidegate::bench
