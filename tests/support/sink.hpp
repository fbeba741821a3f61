#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>

#include "support/free_port.hpp"
#include "support/quota_rig.hpp"

namespace tidegate::test {

/// Where the nodes' messages arrive: a process behind TCP on loopback that stamps each byte it reads on the nodes'
/// clock.
class Sink {
  public:
    Sink() {
        const int listener = listen_on_loopback(port_);
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("cannot fork");
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            try {
                receive(listener);
            } catch (...) {
            }
            ::_exit(0);
        }
        ::close(listener);
    }
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    ~Sink() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    std::uint16_t port() const { return port_; }
    std::vector<Deeds::Entry> arrivals() const { return arrivals_.all(); }

  private:
    void receive(int listener) {
        std::vector<pollfd> open{{listener, POLLIN, 0}};
        std::array<char, 4096> bytes = {};
        for (;;) {
            ::poll(open.data(), open.size(), -1);
            for (std::size_t i = 1; i < open.size(); ++i) {
                if (open[i].revents == 0) continue;
                const auto count = ::recv(open[i].fd, bytes.data(), bytes.size(), 0);
                if (count > 0) {
                    arrivals_.hand_off(0, static_cast<double>(count));
                } else {
                    ::close(std::exchange(open[i].fd, -1));  // poll passes over it from now on
                }
            }
            if (open[0].revents != 0)
                if (const int node = ::accept(listener, nullptr, nullptr); node >= 0) open.push_back({node, POLLIN, 0});
        }
    }

    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
    Deeds arrivals_;
};

}  // namespace tidegate::test
