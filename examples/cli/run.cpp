#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "session.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/control/server.hpp"
#include "tidegate/delivery/collect.hpp"

namespace tidegate::cli {

namespace {

using namespace std::chrono_literals;

/// Fetches reports until none is outstanding or the time is over. What they leave to the next channel is sent as the
/// rest was, by another run of the same gate.
Result<RunResult, Faults> await_reports(Gate& gate, const LoadedCampaign& loaded, const RunOptions& run_options,
                                        Duration at_most, RunResult result, std::optional<CampaignHandle>& handle,
                                        ProgressView& view) {
    const TimePoint end = system_clock().now() + at_most;
    const CollectOptions collecting{run_options.ledger_dir, run_options.operator_name};
    Duration pause = 500ms;
    while (result.state == RunState::awaiting_reports && system_clock().now() < end) {
        if (!nap(std::min<Duration>(pause, end - system_clock().now()))) {
            return RunResult{RunState::awaiting_reports, stopped, "stopped while waiting for reports"};
        }
        pause = std::min<Duration>(pause * 2, 10s);
        Result<Collected, Faults> seen = collect_reports(loaded.site, loaded.campaign, collecting);
        if (!seen) {
            std::cerr << "warning: " << seen.error().front().text() << '\n';
            continue;
        }
        if (seen->to_resend > 0) {
            Result<CampaignHandle, Faults> again = gate.start(loaded.campaign, run_options);
            if (!again) return again.error();
            handle = std::move(*again);
            result = follow(*handle, view);
        } else if (seen->awaiting == 0) {
            return RunResult{RunState::completed, ok, "every recipient has a final outcome, and every report is in"};
        }
    }
    return result;
}

}  // namespace

int run(const RunCommand& options) {
    const bool json = options.common.json;
    Result<LoadedCampaign, Faults> loaded = load_campaign(options.common.file);
    if (!loaded) return tell(loaded.error(), json);
    Result<Duration> watch = parse_duration(options.watch);
    if (!watch) return tell({watch.error()}, json);
    Result<Duration> wait_reports = parse_duration(options.wait_reports);
    if (!wait_reports) return tell({wait_reports.error()}, json);
    Result<LogSink> log = open_log(options.log);
    if (!log) return tell({log.error()}, json);
    for (const std::string& warning : loaded->warnings) std::cerr << "warning: " << warning << '\n';

    block_signals();
    GateOptions gate_options;
    gate_options.log = *log;
    gate_options.dry_run = options.dry_run;
    gate_options.history_dir = history_directory(loaded->site_directory, options.history);
    Result<std::unique_ptr<Gate>, Faults> gate = Gate::open(loaded->site, system_clock(), gate_options);
    if (!gate) return tell(gate.error(), json);

    ProgressView view(options.progress);
    if (view.kind() != ProgressView::Kind::none) {
        for (const BackendProgress& backend : (*gate)->backends())
            view.say("history of " + backend.name + ": " + to_string(backend.history));
    }
    RunOptions run_options;
    run_options.ledger_dir = ledger_directory(loaded->directory, options.ledger);
    run_options.must_exist = options.resume;
    run_options.limit = options.limit;
    run_options.watch_after = *watch;
    run_options.operator_name = operator_name();
    run_options.record = {{"campaign file", loaded->campaign_hash}, {"site file", loaded->site_hash}};
    if (view.kind() == ProgressView::Kind::bar) {
        run_options.ingest_progress = [](std::uint64_t rows) {
            std::cerr << "\r\x1b[2Kreading the audience: " << grouped(rows) << std::flush;
        };
    }

    std::unique_ptr<control::Server> server;
    if (!options.listen.empty()) {
        std::string token_file = options.token;
        if (token_file.empty()) {
            std::error_code failed;
            std::filesystem::create_directories(run_options.ledger_dir, failed);
            std::filesystem::permissions(run_options.ledger_dir, std::filesystem::perms::owner_all, failed);
            token_file = run_options.ledger_dir + "/control.token";
        }
        Result<Secret> token = control::make_token_file(token_file);
        if (!token) return tell({token.error()}, json);
        Result<std::unique_ptr<control::Server>> started = control::Server::start(**gate, {options.listen, *token});
        if (!started) return tell({started.error()}, json);
        server = std::move(*started);
        std::cerr << "operator's surface: " << server->address() << ", token in " << token_file << '\n';
    }

    Result<CampaignHandle, Faults> handle = (*gate)->start(loaded->campaign, run_options);
    if (view.kind() == ProgressView::Kind::bar) std::cerr << "\r\x1b[2K";
    if (!handle) return tell(handle.error(), json);
    RunResult result = follow(*handle, view);
    std::optional<CampaignHandle> last = *handle;
    if (*wait_reports > Duration{0} && !options.dry_run) {
        Result<RunResult, Faults> waited =
            await_reports(**gate, *loaded, run_options, *wait_reports, result, last, view);
        if (!waited) return tell(waited.error(), json);
        result = *waited;
    }
    return conclude(*last, result, json, loaded->campaign.audience.all_devices);
}

int test(const TestOptions& options) {
    const bool json = options.common.json;
    Result<LoadedCampaign, Faults> loaded = load_campaign(options.common.file);
    if (!loaded) return tell(loaded.error(), json);
    constexpr std::uint64_t most = 100;

    Campaign few = loaded->campaign;
    few.id += ".test-" + std::to_string(system_clock().wall().time_since_epoch().count());
    few.audience.file = options.to;
    few.audience.max_malformed = 0;
    few.cohorts = CohortOptions{};
    few.cohorts.count = 1;
    few.starts.reset();
    Site site = loaded->site;
    for (Backend& backend : site.backends) backend.limits.shadow = true;  // a handful needs no gate, and takes no lock

    block_signals();
    Result<LogSink> log = open_log({});
    GateOptions gate_options;
    gate_options.log = *log;
    Result<std::unique_ptr<Gate>, Faults> gate = Gate::open(site, system_clock(), gate_options);
    if (!gate) return tell(gate.error(), json);
    Result<std::unique_ptr<AudienceSource>> audience = open_audience(options.to, few.mapping().wanted_columns());
    if (!audience) return tell({audience.error()}, json);
    std::uint64_t rows = 0;
    for (AudienceRow row;; ++rows) {
        Result<bool> more = (*audience)->next(row);
        if (!more) return tell({more.error()}, json);
        if (!*more) break;
        if (rows == most) {
            return tell({{Errc::refused, "a test goes to at most " + std::to_string(most) + " people", options.to,
                          "use `run` for more"}},
                        json);
        }
    }
    RunOptions run_options;
    run_options.ledger_dir = ledger_directory(loaded->directory, options.ledger);
    run_options.operator_name = operator_name();
    Result<CampaignHandle, Faults> handle = (*gate)->start(few, run_options);
    if (!handle) return tell(handle.error(), json);
    ProgressView view("none");
    const RunResult result = follow(*handle, view);
    return conclude(*handle, result, json, few.audience.all_devices);
}

}  // namespace tidegate::cli
