#include "delivery/vendor_reports.hpp"

#include <algorithm>
#include <filesystem>

#include "channel/factory.hpp"
#include "delivery/reports.hpp"

namespace tidegate::delivery {

namespace {

constexpr std::size_t at_once = 4;  // requests under way at one vendor
constexpr int most_pages = 100;     // of one request: a vendor that always has a next page must end as well
constexpr std::size_t largest_body = std::size_t{4} * 1024 * 1024;
constexpr auto hear_for = std::chrono::milliseconds(100);
constexpr auto tell_again = std::chrono::minutes(1);

}  // namespace

VendorReports::VendorReports(const Site& site, const std::vector<ChannelOptions>& channels, const Clock& clock,
                             Log& log)
    : site_(site), clock_(clock), log_(log) {
    for (const ChannelOptions& options : channels) {
        std::unique_ptr<const channel::VendorProtocol> protocol = channel::vendor_protocol(options);
        if (!protocol) continue;
        net::PoolOptions pool;
        pool.ca = options.ca;
        pool.max_connections = pool.max_h2_connections = at_once;
        vendors_.emplace(options.name, Vendor{options, std::move(protocol), loop_.pool(pool), TimePoint{}});
    }
}

void VendorReports::turn(const Runs& runs) {
    const TimePoint now = clock_.now();
    for (auto& [name, vendor] : vendors_) {
        for (const auto& run : runs) {
            const std::size_t active = vendor.pool->active();
            if (active >= at_once) break;
            if (run->ended()) continue;
            for (const std::string& request : run->due_reports(name, now, at_once - active)) {
                ask(vendor, run, request, {}, 1);
            }
        }
    }
    loop_.run(hear_for);
}

void VendorReports::ask(Vendor& vendor, const std::weak_ptr<CampaignRun>& run, const std::string& request,
                        const std::string& page, int pages) {
    vendor.pool->send(
        vendor.protocol->ask_reports(request, page, clock_.wall()),
        [this, &vendor, run, request, page, pages](const net::HttpResult& result) {
            const std::shared_ptr<CampaignRun> asker = closing_ ? nullptr : run.lock();
            if (!asker) return;
            if (result.transport != net::Transport::ok) return trouble(vendor, result.error);
            Result<channel::ReportPage> read = vendor.protocol->read_reports(result.response, page);
            if (!read) return trouble(vendor, read.error().what);
            if (asker->tell_reports(vendor.options.name, std::move(read->reports)) != CampaignRun::Told::taken) return;
            if (read->next.empty() || read->next == page || pages == most_pages) return;
            ask(vendor, run, request, read->next, pages + 1);
        });
}

void VendorReports::trouble(Vendor& vendor, const std::string& what) {
    const TimePoint now = clock_.now();
    if (vendor.trouble_told != TimePoint{} && now - vendor.trouble_told < tell_again) return;
    vendor.trouble_told = now;
    log_.warn("channel " + vendor.options.name + ": the vendor cannot be asked for reports: " + what);
}

Result<ReportsTaken> VendorReports::ingest(const Runs& runs, const std::string& account, channel::Headers headers,
                                           std::string_view body) {
    const auto known = std::find_if(site_.channels.begin(), site_.channels.end(),
                                    [&](const ChannelOptions& one) { return one.name == account; });
    if (known == site_.channels.end()) {
        return Error{Errc::not_found, "there is no such account", {}, "name a channel of the site"};
    }
    const std::string where = "channel " + account;
    const auto vendor = vendors_.find(account);
    if (vendor == vendors_.end()) {
        return Error{Errc::refused, "reports are not taken for this account", where,
                     "they come from vendors of Alimtalk and SMS only"};
    }
    if (body.size() > largest_body) {
        return Error{Errc::invalid, "the report is larger than 4 MiB", where, "fetch reports instead"};
    }
    Result<std::vector<channel::VendorReport>> heard = vendor->second.protocol->hear_reports(headers, body);
    if (!heard) {
        heard.error().where = where;
        return heard.error();
    }
    ReportsTaken taken;
    taken.reports = heard->size();
    std::map<std::string, std::vector<channel::VendorReport>> by_campaign;
    for (channel::VendorReport& report : *heard) by_campaign[report.about.campaign].push_back(std::move(report));
    for (auto& [mark, reports] : by_campaign) {
        const auto run =
            std::find_if(runs.rbegin(), runs.rend(), [&mark = mark](const auto& one) { return one->mark() == mark; });
        if (run == runs.rend()) continue;
        const std::size_t count = reports.size();
        const CampaignRun::Told told = (*run)->tell_reports(account, reports);
        if (told == CampaignRun::Told::full) {
            return Error{Errc::unavailable, "more reports wait than can be kept", where, "hand it in again later"};
        }
        if (told == CampaignRun::Told::ended) {
            const std::lock_guard lock(ended_);
            const std::string folder = std::filesystem::path((*run)->ledger_path()).parent_path().string();
            const Result<Collected, Faults> written =
                take_in_reports(site_, (*run)->campaign(), {.ledger_dir = folder}, clock_, account, reports);
            if (!written) {
                return Error{Errc::unavailable,
                             "the campaign's ledger cannot be written: " + written.error().front().what, where,
                             "hand it in again later, or fetch reports"};
            }
        }
        taken.ours += count;
    }
    return taken;
}

}  // namespace tidegate::delivery
