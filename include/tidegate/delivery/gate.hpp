#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidegate/audience/source.hpp"
#include "tidegate/audience/suppression.hpp"
#include "tidegate/base/log.hpp"
#include "tidegate/channel/channel.hpp"
#include "tidegate/delivery/campaign.hpp"
#include "tidegate/delivery/collect.hpp"
#include "tidegate/delivery/opens.hpp"
#include "tidegate/delivery/preview.hpp"
#include "tidegate/delivery/progress.hpp"
#include "tidegate/delivery/site.hpp"
#include "tidegate/signal/sensor.hpp"

namespace tidegate {

/// What the host lends the Gate. Everything is optional.
struct GateOptions {
    LogSink log{};                                               ///< empty = silent
    LogLevel log_level = LogLevel::info;                         ///< lines below it are not made
    std::map<std::string, std::shared_ptr<Channel>> channels{};  ///< by site channel name; replaces the built-in one
    std::map<std::string, std::shared_ptr<Sensor>> sensors{};    ///< by backend name; replaces the configured signal
    std::string lock_dir{};  ///< for the host-wide backend locks; default /run/lock, else the temporary directory
    /// Where each backend's history lies, read by `Gate::open` and added to while next to nothing of ours is felt.
    /// Default empty: nothing is remembered, and the first campaign explores. Several processes may share it.
    std::string history_dir{};
    Duration quota_patience = std::chrono::seconds(5);  ///< for a first answer of the shared quota, if the site has one
    bool dry_run =
        false;  ///< no network at all: channels accept everything, backends without a host sensor are not watched
};

/// One run of one campaign.
struct RunOptions {
    std::string ledger_dir = "ledger";  ///< made when absent, mode 0700
    bool must_exist = false;            ///< an absent ledger is an error (`--resume`)
    std::uint64_t limit = 0;            ///< recipients in this ledger at most; 0 = all
    std::string operator_name{};        ///< recorded
    /// Keep watching the backends for this long after the last message, so that the report holds what the opens did.
    Duration watch_after{0};
    /// Two-phase channels: ask the vendors for reports while the run goes on, and keep it for this long after the last
    /// message while reports are owed. Default 0: the vendors are not asked (reports may still be handed in), and the
    /// run ends as `awaiting_reports`.
    Duration wait_reports{0};
    std::shared_ptr<SuppressionSource> suppression{};      ///< besides the files the campaign names
    std::map<std::string, std::string> record{};           ///< extra facts for the ledger: file hashes, command line
    std::function<void(std::uint64_t)> ingest_progress{};  ///< rows read so far
};

/// A running campaign. Copies refer to the same run. Threads: every member from any thread.
class TIDEGATE_EXPORT CampaignHandle {
  public:
    /// A copy of how it stands now; cheap enough for every second.
    Progress progress() const;
    /// Stops handing over within 200 ms; what is in flight ends by itself.
    void pause(std::string_view operator_name = {});
    /// Takes a pause back.
    void resume(std::string_view operator_name = {});
    /// A lower cap in messages/s; absent = back to the configured one. Never above the campaign's own limit.
    void set_rate(std::optional<Rate> cap, std::string_view operator_name = {});
    /// Final: the ledger refuses to run again. False when it had come to another end before.
    bool abort(std::string_view operator_name = {});
    /// Ends the run, resumable; returns at once. In-flight attempts are waited for until `deadline` at most.
    void stop(TimePoint deadline, std::string_view operator_name = {});
    /// Opens counted between two moments, for the response curve. Left aside while attributed ones come.
    void observe_opens(double count, TimePoint from, TimePoint to);
    /// Everybody who opened since the last call, with key and time; an empty span says that nobody did. Returns at
    /// once: they are looked up in the ledger by a thread of the Gate, the first time after reading all its keys (some
    /// seconds for millions). Errors: `unavailable`, more are waiting than can be kept; nothing was taken.
    Result<void> observe_opens(std::span<const Open> opens);
    /// The result, once the run has ended; absent after `timeout`.
    std::optional<RunResult> wait(Duration timeout) const;
    /// From the ledger; any time.
    Result<RunReport> report() const;
    /// The ledger file of this run.
    std::string ledger_path() const;

  private:
    friend class Gate;
    struct Run;
    std::shared_ptr<Run> run_;
};

/// Owns the backends, the provider accounts and the threads of one process; any number of campaigns pass through it and
/// draw on the same budgets. Installs no signal handlers. `curl_global_init` is called once by the first Gate.
/// Threads: every member from any thread; the destructor stops every campaign within 10 s.
class TIDEGATE_EXPORT Gate {
  public:
    /// Locks every backend for this process and connects nothing yet; or, where the site has a shared quota, connects
    /// to that and locks nothing. Errors: faults of the site, a backend held by another process (by name of the
    /// holder), a credential that does not parse, a store that cannot be reached or refuses.
    static Result<std::unique_ptr<Gate>, Faults> open(Site site, const Clock& clock = system_clock(),
                                                      GateOptions options = {});
    ~Gate();
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    /// Reads the audience into a ledger (or resumes the one that exists) and begins to send. Returns once the audience
    /// is in the ledger. Errors: everything wrong with campaign, audience or ledger, before anything is sent.
    Result<CampaignHandle, Faults> start(const Campaign& campaign, AudienceSource& audience, RunOptions options = {});
    /// The same with the audience the campaign's file names.
    Result<CampaignHandle, Faults> start(const Campaign& campaign, RunOptions options = {});

    /// Everything `start` would refuse, and what the audience looks like; sends and keeps nothing. A gate opened with
    /// `dry_run` does it beside a running one.
    Result<Preview, Faults> preview(const Campaign& campaign, AudienceSource& audience, std::size_t samples = 0);

    /// The campaigns started so far, newest last.
    std::vector<CampaignHandle> campaigns() const;
    /// Every backend of the site as it stands now.
    std::vector<BackendProgress> backends() const;
    /// What this node knows of the shared quota; absent when limits hold in this process alone.
    std::optional<QuotaView> quota() const;
    /// The red button: no campaign releases anything that loads this backend until it is lifted.
    Result<void> hold(const std::string& backend, bool held, std::string_view operator_name = {});
    /// The same for every campaign of every node that shares the quota. Errors: the site has no shared quota.
    Result<void> hold_domain(bool held, std::string_view operator_name = {});
    /// A sample for a backend whose signal is `push`. Errors: no such backend, or another kind of signal.
    Result<void> push_sample(const std::string& backend, const Observation& sample);
    /// A vendor's reports as they arrived at the host's own ingress: headers (names in any case) and the body
    /// unchanged. They count for campaigns this gate runs or has run, whoever fetched the same ones before; a report of
    /// anything else changes nothing and is left to `collect_reports`. During a run they are on disk within
    /// milliseconds of the return, and a crash between loses nothing that could not be fetched; after it they are when
    /// this returns. Errors: `not_found`, no such account; `refused`, not shown to be the vendor's, or an account that
    /// takes none; `invalid`, no report; `unavailable`, hand it in again later.
    Result<ReportsTaken> ingest_report(const std::string& account, const ReportHeaders& headers, std::string_view body);
    /// Stops every campaign; true when all ended in time.
    bool stop(TimePoint deadline);

  private:
    struct Impl;
    explicit Gate(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate
