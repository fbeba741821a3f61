#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <list>
#include <string>
#include <thread>

#include "support/free_port.hpp"
#include "support/quota_rig.hpp"
#include "support/raw_server.hpp"

namespace tidegate::test {

/// A process between nodes and a Redis that delays answers, loses them, or holds requests back and delivers them when
/// nobody waits for them any more.
class RedisProxy {
  public:
    enum Mode : int {
        pass,
        hold,  ///< what arrives now stays here until `release`, on its own connection, whoever has gone meanwhile
        drop_answers  ///< requests arrive, answers do not
    };

    explicit RedisProxy(std::uint16_t upstream) {
        const int listener = listen_on_loopback(port_);
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("cannot fork");
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            run(listener, upstream);
            ::_exit(0);
        }
        ::close(listener);
    }
    ~RedisProxy() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    RedisProxy(const RedisProxy&) = delete;
    RedisProxy& operator=(const RedisProxy&) = delete;

    std::uint16_t port() const { return port_; }
    std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
    void set(Mode mode) { state_->mode = mode; }
    void delay_answers(std::chrono::milliseconds by) { state_->delay_ms = static_cast<int>(by.count()); }
    /// What arrives from now on is delivered later, in sequence, whoever has gone meanwhile.
    void delay_requests(std::chrono::milliseconds by) { state_->late_ms = static_cast<int>(by.count()); }
    /// Delivers what was held.
    void release() { ++state_->releases; }
    /// How many connections hold something back.
    int held() const { return state_->held; }

  private:
    struct State {
        std::atomic<int> mode, delay_ms, late_ms, releases, held;
    };
    struct Pair {
        int near = -1, far = -1;
        std::string held{};
        bool holding = false;
        int releases = 0;
        std::deque<std::pair<std::int64_t, std::string>> answers{}, late{};
        bool near_gone = false;
    };

    static std::int64_t due(int milliseconds) { return stamp() + milliseconds * std::int64_t{1'000'000}; }

    void run(int listener, std::uint16_t upstream) {
        std::list<Pair> pairs;
        for (;;) {
            std::vector<pollfd> waiting{{listener, POLLIN, 0}};
            for (const Pair& pair : pairs) {
                waiting.push_back({pair.near_gone ? -1 : pair.near, POLLIN, 0});
                waiting.push_back({pair.far, POLLIN, 0});
            }
            ::poll(waiting.data(), waiting.size(), 2);
            std::size_t at = 1;
            int holding = 0;
            for (auto pair = pairs.begin(); pair != pairs.end(); at += 2) {
                const bool alive = serve(*pair, waiting[at].revents, waiting[at + 1].revents);
                holding += pair->holding ? 1 : 0;
                if (alive) {
                    ++pair;
                    continue;
                }
                if (pair->near >= 0) ::close(pair->near);
                ::close(pair->far);
                pair = pairs.erase(pair);
            }
            state_->held = holding;
            if ((waiting[0].revents & POLLIN) == 0) continue;
            Pair made;
            made.near = ::accept(listener, nullptr, nullptr);
            made.far = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            const sockaddr_in address = loopback(upstream);
            if (::connect(made.far, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
                ::close(made.near);
                ::close(made.far);
                continue;
            }
            pairs.push_back(std::move(made));
        }
    }

    bool serve(Pair& pair, short from_near, short from_far) {
        std::array<char, 64 * 1024> buffer;
        if (from_near != 0) {
            const ssize_t got = ::recv(pair.near, buffer.data(), buffer.size(), 0);
            if (got <= 0) {
                if (!pair.holding && pair.late.empty()) return false;
                pair.near_gone = true;
            } else {
                if (!pair.holding && state_->mode == hold) {
                    pair.holding = true;
                    pair.releases = state_->releases;
                }
                const std::string_view data(buffer.data(), static_cast<std::size_t>(got));
                if (pair.holding)
                    pair.held += data;
                else if (state_->late_ms > 0 || !pair.late.empty())
                    pair.late.emplace_back(due(state_->late_ms), data);
                else if (!send_all(pair.far, data))
                    return false;
            }
        }
        if (pair.holding && pair.releases != state_->releases) {
            pair.holding = false;
            if (!send_all(pair.far, std::exchange(pair.held, {}))) return false;
        }
        for (; !pair.late.empty() && pair.late.front().first <= stamp(); pair.late.pop_front())
            if (!send_all(pair.far, pair.late.front().second)) return false;
        if (from_far != 0) {
            const ssize_t got = ::recv(pair.far, buffer.data(), buffer.size(), 0);
            if (got <= 0) return false;
            if (state_->mode != drop_answers)
                pair.answers.emplace_back(due(state_->delay_ms),
                                          std::string(buffer.data(), static_cast<std::size_t>(got)));
            if (pair.near_gone && pair.late.empty()) return false;
        }
        while (!pair.answers.empty() && pair.answers.front().first <= stamp()) {
            if (!pair.near_gone && !send_all(pair.near, pair.answers.front().second)) return false;
            pair.answers.pop_front();
        }
        return true;
    }

    Shared<State> state_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

}  // namespace tidegate::test
