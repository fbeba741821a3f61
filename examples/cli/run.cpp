#include <filesystem>
#include <iostream>

#include "session.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/control/server.hpp"

namespace tidegate::cli {

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
    run_options.wait_reports = *wait_reports;
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
    const RunResult result = follow(*handle, view);
    return conclude(*handle, result, json, loaded->campaign.audience.all_devices);
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
