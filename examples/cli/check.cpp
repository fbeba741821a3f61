#include <iostream>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "history_json.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/delivery/config.hpp"
#include "tidegate/delivery/gate.hpp"

namespace tidegate::cli {

namespace {

void print_text(const LoadedCampaign& loaded, const Preview& seen, const std::vector<BackendProgress>& backends) {
    const LedgerTotals& totals = seen.totals;
    std::cout << "campaign     " << loaded.campaign.id << ", " << to_string(loaded.campaign.purpose) << '\n';
    std::cout << "audience     " << grouped(totals.recipients) << " recipients of " << grouped(totals.rows) << " rows ("
              << grouped(totals.duplicates) << " duplicates, " << grouped(totals.malformed) << " malformed)\n";
    for (const MalformedRecord& row : seen.malformed)
        std::cout << "             row " << row.row << ": " << row.reason << '\n';
    std::cout << "left out     " << grouped(seen.suppressed) << " suppressed, " << grouped(seen.no_consent)
              << " without consent, " << grouped(seen.no_address) << " without an address\n";
    for (const auto& [channel, count] : seen.first_channel) {
        std::cout << "first over   " << channel << ": " << grouped(count) << '\n';
    }
    if (seen.waiting_for_morning > 0) {
        std::cout << "quiet hours  " << grouped(seen.waiting_for_morning) << " would wait until 08:00 "
                  << loaded.campaign.zone << " if it started now\n";
    }
    std::cout << "cohorts      " << seen.cohorts.size() << " (" << loaded.campaign.cohorts.canary.size()
              << " canaries)\n";
    if (loaded.site.quota) {
        const SharedQuotaOptions& store = loaded.site.quota->store;
        std::cout << "quota        domain " << store.domain << " at " << store.redis
                  << "; not tried: only a run connects, before it sends anything\n";
    }
    for (const BackendProgress& backend : backends)
        std::cout << "history      " << backend.name << ": " << to_string(backend.history) << '\n';
    for (const PreviewMessage& sample : seen.samples) {
        std::cout << "\nto " << sample.key << " over " << sample.channel << " (" << sample.address << ")\n";
        if (!sample.message.title.empty()) std::cout << "  " << sample.message.title << '\n';
        std::cout << "  " << sample.message.body << '\n';
        if (!sample.message.link.empty()) std::cout << "  -> " << sample.message.link << '\n';
    }
    if (loaded.campaign.deadline && *loaded.campaign.deadline <= system_clock().wall()) {
        std::cerr << "warning: the deadline has passed: a run would send nothing\n";
    }
    std::cout << "\nno faults found; nothing was sent\n";
}

void print_json(const LoadedCampaign& loaded, const Preview& seen, const std::vector<BackendProgress>& backends) {
    nlohmann::ordered_json json = {
        {"campaign", loaded.campaign.id},
        {"audience",
         {{"rows", seen.totals.rows},
          {"malformed", seen.totals.malformed},
          {"duplicates", seen.totals.duplicates},
          {"recipients", seen.totals.recipients}}},
        {"skipped",
         {{"suppressed", seen.suppressed}, {"no_consent", seen.no_consent}, {"no_address", seen.no_address}}},
        {"waiting_for_morning", seen.waiting_for_morning},
        {"first_channel", seen.first_channel},
        {"cohorts", seen.cohorts.size()},
        {"history", nlohmann::ordered_json::array()},
        {"warnings", loaded.warnings},
        {"preview", nlohmann::ordered_json::array()}};
    if (loaded.site.quota) {
        const SharedQuotaOptions& store = loaded.site.quota->store;
        json["quota"] = {{"domain", store.domain}, {"redis", store.redis}, {"tried", false}};
    }
    for (const BackendProgress& backend : backends)
        json["history"].push_back({{"backend", backend.name}, {"history", history_json(backend.history)}});
    for (const PreviewMessage& sample : seen.samples) {
        json["preview"].push_back({{"key", sample.key},
                                   {"channel", sample.channel},
                                   {"address", sample.address},
                                   {"title", sample.message.title},
                                   {"body", sample.message.body},
                                   {"link", sample.message.link}});
    }
    std::cout << json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

}  // namespace

int check(const CheckOptions& options) {
    Result<LoadedCampaign, Faults> loaded = load_campaign(options.common.file);
    if (!loaded) return tell(loaded.error(), options.common.json);
    Result<Preview, Faults> seen = look_at(*loaded, options.preview);
    if (!seen) return tell(seen.error(), options.common.json);
    const std::vector<BackendProgress> histories =
        look_back(loaded->site, history_directory(loaded->site_directory, options.history));
    if (options.common.json) {
        print_json(*loaded, *seen, histories);
    } else {
        for (const std::string& warning : loaded->warnings) std::cerr << "warning: " << warning << '\n';
        print_text(*loaded, *seen, histories);
    }
    return ok;
}

}  // namespace tidegate::cli
