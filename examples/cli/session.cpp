#include "session.hpp"

#include <signal.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>

#include "tidegate/base/text.hpp"

namespace tidegate::cli {

namespace {

using namespace std::chrono_literals;

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

bool wait_for_stop_signal(Duration at_most) {
    const sigset_t set = stop_signals();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at_most);
    const timespec limit{static_cast<time_t>(seconds.count()), static_cast<long>((at_most - seconds).count())};
    return ::sigtimedwait(&set, nullptr, &limit) > 0;
}

void block_signals() {
    const sigset_t set = stop_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool nap(Duration length) {
    return !wait_for_stop_signal(length);
}

RunResult follow(CampaignHandle& handle, ProgressView& view) {
    int stops = 0;
    for (;;) {
        // Two signals of one kind that come between two looks count as one.
        const std::optional<RunResult> result = handle.wait(50ms);
        view.show(handle.progress());
        if (result) {
            view.end();
            return *result;
        }
        if (!wait_for_stop_signal(0ms)) continue;
        const TimePoint now = system_clock().now();
        if (++stops == 1) {
            handle.stop(now + 10s, operator_name());
            view.say("stopping: waiting up to 10 s for what is in flight (again: do not wait)");
        } else {
            handle.stop(now, operator_name());
        }
    }
}

Result<LogSink> open_log(const std::string& path) {
    if (path.empty()) {
        return LogSink([errors = stderr_sink()](LogLevel level, std::string_view line) {
            if (level >= LogLevel::warning) errors(level, line);
        });
    }
    auto file = std::make_shared<std::ofstream>(path, std::ios::app);
    if (!*file) return Error{Errc::invalid, std::string("cannot be written: ") + std::strerror(errno), path, ""};
    return LogSink([file](LogLevel level, std::string_view line) {
        static constexpr const char* names[] = {"debug", "info", "warning", "error"};
        *file << format_wall_time(system_clock().wall()) << ' ' << names[static_cast<int>(level)] << ' ' << line << '\n'
              << std::flush;
    });
}

int conclude(const CampaignHandle& handle, const RunResult& result, bool json, bool all_devices) {
    Result<RunReport> report = handle.report();
    if (!report) {
        tell({report.error()}, json);
        return result.exit_code == ok ? environment : result.exit_code;
    }
    if (json) {
        std::cout << to_json(*report) << '\n';
    } else {
        std::cout << to_text(*report);
        std::cout << "\nended: " << result.why << "\nledger: " << handle.ledger_path() << '\n';
    }
    for (const std::string& broken : broken_invariants(*report, all_devices)) {
        std::cerr << "error: the report contradicts itself: " << broken << '\n';
    }
    return result.exit_code;
}

}  // namespace tidegate::cli
