#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/free_port.hpp"

namespace tidegate::test {

/// A child process, ended by its own id when the object goes. Start it from a thread that outlives it: the kernel is
/// asked to end the child when that thread dies, so that a crashed test leaves nothing behind.
class Process {
  public:
    /// Starts `arguments[0]` (looked up in PATH). Its output goes to the files named, or nowhere when they are empty;
    /// one file may serve as both. Standard input is empty.
    static Process spawn(const std::vector<std::string>& arguments, const std::string& output = {},
                         const std::string& errors = {}) {
        std::vector<char*> argv;
        for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
        argv.push_back(nullptr);
        const char* const out_path = output.empty() ? "/dev/null" : output.c_str();
        const char* const err_path = errors.empty() ? "/dev/null" : errors.c_str();
        const pid_t child = ::fork();
        if (child < 0) throw std::runtime_error("cannot fork");
        if (child == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int flags = O_WRONLY | O_CREAT | O_APPEND;
            const int in = ::open("/dev/null", O_RDONLY), out = ::open(out_path, flags, 0600),
                      err = ::open(err_path, flags, 0600);
            if (in >= 0 && out >= 0 && err >= 0 && ::dup2(in, 0) >= 0 && ::dup2(out, 1) >= 0 && ::dup2(err, 2) >= 0) {
                ::execvp(argv[0], argv.data());
            }
            ::_exit(127);
        }
        return Process(child);
    }

    Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
    Process& operator=(Process&& other) noexcept {
        std::swap(pid_, other.pid_);
        std::swap(status_, other.status_);
        return *this;
    }
    ~Process() { terminate(); }

    pid_t pid() const { return pid_; }

    void signal(int number) const {
        if (pid_ > 0 && !status_) ::kill(pid_, number);
    }

    /// The exit code (128 + signal when one ended it); none while it still runs after `limit`.
    std::optional<int> wait(std::chrono::milliseconds limit) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (pid_ > 0 && !status_) {
            int raw = 0;
            if (::waitpid(pid_, &raw, WNOHANG) == pid_) {
                status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
            } else if (std::chrono::steady_clock::now() >= end) {
                break;
            } else {
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
            }
        }
        return status_;
    }

    bool running() { return pid_ > 0 && !wait(std::chrono::milliseconds(0)); }

    /// SIGTERM, then SIGKILL when it has not ended after `patience`. Returns the exit code.
    int terminate(std::chrono::milliseconds patience = std::chrono::seconds(3)) {
        if (pid_ <= 0) return -1;
        signal(SIGTERM);
        if (!wait(patience)) {
            signal(SIGKILL);
            wait(std::chrono::seconds(10));
        }
        return status_.value_or(-1);
    }

  private:
    explicit Process(pid_t pid) : pid_(pid) {}

    pid_t pid_ = -1;
    std::optional<int> status_;
};

/// Starts a server that must be told its port and waits until it listens. `arguments_for(port)` gives the command line.
/// A port that somebody else took in between is replaced by another.
template <class ArgumentsFor>
std::pair<Process, std::uint16_t> spawn_server(ArgumentsFor arguments_for, const std::string& errors = {}) {
    for (int attempt = 0; attempt < 5; ++attempt) {
        const std::uint16_t port = free_port();
        Process server = Process::spawn(arguments_for(port), errors, errors);
        for (int i = 0; i < 1000 && server.running(); ++i) {
            if (wait_for_port(port, std::chrono::milliseconds(20))) return {std::move(server), port};
        }
    }
    throw std::runtime_error("the server did not come up");
}

}  // namespace tidegate::test
