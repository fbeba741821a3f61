#pragma once

#include <string>
#include <vector>

#include "tidegate/base/result.hpp"
#include "tidegate/delivery/config.hpp"
#include "tidegate/delivery/gate.hpp"
#include "tidegate/quota/shared_quota.hpp"

namespace tidegate::cli {

/// Exit codes of the command line; the table stands in the README.
enum Exit : int { ok = 0, refused = 2, stopped = 3, pending = 4, environment = 5 };

/// What every command takes.
struct Common {
    std::string file;
    bool json = false;
};

struct CheckOptions {
    Common common;
    std::string history;  ///< empty: "history" beside the site file
    std::size_t preview = 0;
};
int check(const CheckOptions& options);

struct PlanOptions {
    Common common;
    std::string history;  ///< empty: "history" beside the site file
};
int plan(const PlanOptions& options);

struct SimulateOptions {
    Common common;                       ///< `file` empty: the scenarios stand alone
    std::vector<std::string> scenarios;  ///< files, folders or "nominal"; none: "nominal"
    std::vector<std::string> policies;   ///< none: impact
    bool compare = false;                ///< every policy
    std::string grain = "flow";          ///< or "exact"
    std::string seeds = "1-9";
    std::uint64_t recipients = 0;  ///< 0: as the audience has
    std::string html;
    std::string svg;
    unsigned jobs = 0;  ///< threads; 0: one for each core
};
int simulate(const SimulateOptions& options);

struct ObserveOptions {
    Common common;         ///< `file` is the site file
    std::string history;   ///< empty: "history" beside the site file
    std::string duration;  ///< empty: until a signal
    std::string progress = "auto";
    std::string log;
};
int observe(const ObserveOptions& options);

struct RunCommand {
    Common common;
    std::string ledger;   ///< empty: "ledger" beside the campaign file
    std::string history;  ///< empty: "history" beside the site file
    bool resume = false;
    std::string listen;
    std::string token;  ///< token file; empty: control.token in the ledger directory
    std::uint64_t limit = 0;
    std::string watch = "0s";
    std::string wait_reports = "0s";
    bool dry_run = false;
    std::string progress = "auto";
    std::string log;  ///< empty: warnings and errors on standard error
};
int run(const RunCommand& options);

struct TestOptions {
    Common common;
    std::string to;
    std::string ledger;
};
int test(const TestOptions& options);

struct ReportOptions {
    bool json = false;
    std::vector<std::string> files;  ///< a campaign file, or ledgers
    std::string ledger;
    std::string html;
    std::vector<std::string> exports;  ///< outcomes and a file
    std::string condemned;             ///< a file for dead addresses
};
int report(const ReportOptions& options);

struct CollectCommand {
    Common common;
    std::string ledger;
};
int collect(const CollectCommand& options);

struct PurgeOptions {
    Common common;
    std::string ledger;
};
int purge(const PurgeOptions& options);

struct QuotaCommand {
    Common common;  ///< `file` is a campaign or a site file with [quota]
    bool audit = false;
};
int quota(const QuotaCommand& options);

/// The commands against a running gate, or without `token` against every node of a domain.
struct RemoteOptions {
    std::string control = "127.0.0.1:8700";
    std::string token;
    bool json = false;
    std::string campaign;  ///< id, empty: the only one there is; without `token` a campaign file with [quota]
    std::string rate;      ///< messages/s or "configured"
    std::string backend;
    std::string domain;  ///< a file with [quota]: hold on every node
    bool release = false;
};
int status(const RemoteOptions& options);
int pause(const RemoteOptions& options);
int resume(const RemoteOptions& options);
int rate(const RemoteOptions& options);
int abort(const RemoteOptions& options);
int hold(const RemoteOptions& options);

/// Through Redis, to every node of the domain that `campaign` or `domain` names.
int order_campaign(const RemoteOptions& options, QuotaOrder::State state, const std::string& said);
int order_rate(const RemoteOptions& options, Rate rate, const std::string& said);
int order_hold(const RemoteOptions& options);

/// Reads the whole audience of a campaign without sending anything.
Result<Preview, Faults> look_at(const LoadedCampaign& loaded, std::size_t samples = 0);
/// The site's backends with the histories that lie in `directory`; nobody is asked.
std::vector<BackendProgress> look_back(Site site, const std::string& directory);

/// Writes a picture and says so on standard error, or tells why not. Returns the exit code.
int write_picture(const std::string& path, const std::string& bytes, bool json);

/// No such command: says so, names the nearest one, and refuses.
int not_here(const std::string& word, const std::vector<std::string>& known, bool json);

/// Tells every fault: a line each on standard error, or {"errors":[...]} on standard output. Returns the exit code.
int tell(const Faults& faults, bool json, int exit_code = refused);

/// The operator's name for the record: the login name, or "uid N".
std::string operator_name();

/// Where a campaign's ledger lies. `dir` empty: "ledger" beside the campaign file.
std::string ledger_directory(const std::string& campaign_file_directory, const std::string& dir);

/// Where the histories of a site's backends lie. `dir` empty: "history" beside the site file.
std::string history_directory(const std::string& site_file_directory, const std::string& dir);

/// "12,345".
std::string grouped(std::uint64_t number);

}  // namespace tidegate::cli
