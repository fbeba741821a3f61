#include <cmath>
#include <iostream>

#include "history_json.hpp"
#include "session.hpp"
#include "tidegate/delivery/observer.hpp"

namespace tidegate::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto line_every = 3s;

std::string line_of(const BackendProgress& backend) {
    std::string text = backend.name + ": ";
    if (std::isfinite(backend.load) && std::isfinite(backend.p99_s)) {
        text += std::to_string(std::llround(backend.load)) + " requests/s, p99 " +
                std::to_string(std::llround(backend.p99_s * 1000)) + " of " +
                std::to_string(std::llround(backend.slo_s * 1000)) + " ms";
    } else {
        text += backend.reason;
    }
    return text + "; history: " + to_string(backend.history);
}

void print_json(const std::vector<BackendProgress>& backends) {
    nlohmann::ordered_json json = {{"backends", nlohmann::ordered_json::array()}};
    for (const BackendProgress& backend : backends)
        json["backends"].push_back({{"backend", backend.name}, {"history", history_json(backend.history)}});
    std::cout << json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

}  // namespace

int observe(const ObserveOptions& options) {
    const bool json = options.common.json;
    Result<LoadedSite, Faults> loaded = load_site(options.common.file);
    if (!loaded) return tell(loaded.error(), json);
    std::optional<Duration> limit;
    if (!options.duration.empty()) {
        Result<Duration> given = parse_duration(options.duration);
        if (!given) return tell({given.error()}, json);
        limit = *given;
    }
    Result<LogSink> log = open_log(options.log);
    if (!log) return tell({log.error()}, json);
    for (const std::string& warning : loaded->warnings) std::cerr << "warning: " << warning << '\n';

    block_signals();
    ObserverOptions observer_options;
    observer_options.log = *log;
    observer_options.history_dir = history_directory(loaded->directory, options.history);
    Result<std::unique_ptr<Observer>, Faults> opened = Observer::open(loaded->site, system_clock(), observer_options);
    if (!opened) return tell(opened.error(), json);
    Observer& observer = **opened;

    const auto begun = std::chrono::steady_clock::now();
    auto next_line = begun;
    bool stopped_by_signal = false, seen = false;
    while (!stopped_by_signal && !(limit && std::chrono::steady_clock::now() - begun >= *limit)) {
        stopped_by_signal = wait_for_stop_signal(50ms);
        const std::vector<BackendProgress> backends = observer.backends();
        for (const BackendProgress& backend : backends) seen = seen || std::isfinite(backend.p99_s);
        if (options.progress == "none" || std::chrono::steady_clock::now() < next_line) continue;
        next_line = std::chrono::steady_clock::now() + line_every;
        for (const BackendProgress& backend : backends) std::cerr << line_of(backend) << '\n';
    }
    const Result<void> kept = observer.keep();
    const std::vector<BackendProgress> backends = observer.backends();
    if (!kept) return tell({kept.error()}, json, environment);
    if (!seen) {
        return tell({{Errc::unavailable, "no backend told anything: " + backends.front().reason, options.common.file,
                      "check the addresses and queries of its signals"}},
                    json, environment);
    }
    if (json) {
        print_json(backends);
    } else {
        for (const BackendProgress& backend : backends)
            std::cout << "history of " << backend.name << ": " << to_string(backend.history) << '\n';
    }
    return stopped_by_signal ? stopped : ok;
}

}  // namespace tidegate::cli
