#include <algorithm>
#include <iostream>
#include <sstream>

#include "command.hpp"
#include "tidegate/delivery/config.hpp"
#include "tidegate/ledger/sqlite_ledger.hpp"
#include "tidegate/report/report.hpp"

namespace tidegate::cli {

namespace {

struct Opened {
    std::string path;
    Secret key;
    std::unique_ptr<SqliteLedger> ledger;
};

/// A campaign file stands for its ledger; anything else is a ledger.
Result<Opened, Faults> open_one(const std::string& file, const std::string& ledger_dir) {
    Opened opened{file, {}, nullptr};
    if (file.ends_with(".toml")) {
        Result<LoadedCampaign, Faults> loaded = load_campaign(file);
        if (!loaded) return loaded.error();
        opened.path = ledger_directory(loaded->directory, ledger_dir) + "/" + loaded->campaign.id + ".ledger";
        opened.key = loaded->campaign.ledger_key;
    }
    Result<std::unique_ptr<SqliteLedger>> ledger = SqliteLedger::open_for_reading(opened.path, opened.key);
    if (!ledger) return Faults{ledger.error()};
    opened.ledger = std::move(*ledger);
    return opened;
}

Result<std::vector<Final>> parse_outcomes(const std::string& list) {
    std::vector<Final> wanted;
    std::istringstream words(list);
    for (std::string word; std::getline(words, word, ',');) {
        bool known = false;
        for (std::size_t i = 0; i < final_count; ++i) {
            const auto outcome = static_cast<Final>(i);
            const bool skipped =
                outcome == Final::suppressed || outcome == Final::no_consent || outcome == Final::no_address;
            if (to_string(outcome) == word || (word == "skipped" && skipped)) {
                wanted.push_back(outcome);
                known = true;
            }
        }
        if (!known) {
            return Error{Errc::invalid, "\"" + word + "\" is not an outcome", "--export",
                         "use accepted, delivered, undelivered, invalid, rejected, failed, expired, unknown, skipped "
                         "or pending"};
        }
    }
    return wanted;
}

}  // namespace

int report(const ReportOptions& options) {
    std::vector<Opened> ledgers;
    std::vector<ReportPanel> panels;
    for (const std::string& file : options.files) {
        Result<Opened, Faults> opened = open_one(file, options.ledger);
        if (!opened) return tell(opened.error(), options.json);
        Result<RunReport> report = read_report(*opened->ledger);
        if (!report) return tell({report.error()}, options.json);
        Result<RunSeries> series = read_series(*opened->ledger);
        if (!series) return tell({series.error()}, options.json);
        panels.push_back({report->campaign, std::move(*report), std::move(*series)});
        ledgers.push_back(std::move(*opened));
    }
    const bool one_campaign = std::all_of(panels.begin(), panels.end(), [&](const ReportPanel& panel) {
        return panel.report.campaign == panels.front().report.campaign;
    });
    if (!one_campaign && options.html.empty()) {
        return tell({{Errc::invalid, "the ledgers belong to different campaigns", "report",
                      "give ledgers of one campaign, or --html FILE to compare them in a picture"}},
                    options.json);
    }
    if (!options.exports.empty()) {
        Result<std::vector<Final>> wanted = parse_outcomes(options.exports[0]);
        if (!wanted) return tell({wanted.error()}, options.json);
        if (ledgers.size() != 1)
            return tell({{Errc::invalid, "--export takes one ledger at a time", "report", ""}}, options.json);
        Result<std::uint64_t> rows = export_recipients(*ledgers.front().ledger, *wanted, options.exports[1]);
        if (!rows) return tell({rows.error()}, options.json);
        std::cerr << grouped(*rows) << " recipients written to " << options.exports[1] << '\n';
    }
    if (!options.condemned.empty()) {
        if (ledgers.size() != 1)
            return tell({{Errc::invalid, "--dead takes one ledger at a time", "report", ""}}, options.json);
        Result<std::uint64_t> rows = export_condemned(*ledgers.front().ledger, options.condemned);
        if (!rows) return tell({rows.error()}, options.json);
        std::cerr << grouped(*rows) << " addresses written to " << options.condemned << '\n';
    }
    if (!options.html.empty()) {
        if (const int failed = write_picture(options.html, to_html(panels), options.json); failed != ok) return failed;
    }
    if (!one_campaign) return ok;

    std::vector<RunReport> parts;
    for (const ReportPanel& panel : panels) parts.push_back(panel.report);
    Result<RunReport> whole = merge(parts);
    if (!whole) return tell({whole.error()}, options.json);
    std::cout << (options.json ? to_json(*whole) + "\n" : to_text(*whole));
    return ok;
}

int purge(const PurgeOptions& options) {
    Result<LoadedCampaign, Faults> loaded = load_campaign(options.common.file);
    if (!loaded) return tell(loaded.error(), options.common.json);
    const std::string path =
        ledger_directory(loaded->directory, options.ledger) + "/" + loaded->campaign.id + ".ledger";
    Result<std::unique_ptr<SqliteLedger>> ledger = SqliteLedger::open_for_sending(path, loaded->campaign.ledger_key);
    if (!ledger) return tell({ledger.error()}, options.common.json);
    if (Result<void> done = (*ledger)->purge(system_clock().wall(), operator_name()); !done) {
        return tell({done.error()}, options.common.json);
    }
    if (options.common.json) {
        std::cout << "{\"purged\":true}\n";
    } else {
        std::cout << "personal data removed from " << path << "; keys and outcomes stay\n";
    }
    return ok;
}

}  // namespace tidegate::cli
