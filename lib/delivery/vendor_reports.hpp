#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "channel/vendor.hpp"
#include "delivery/campaign_run.hpp"
#include "net/http.hpp"
#include "tidegate/base/log.hpp"
#include "tidegate/channel/options.hpp"
#include "tidegate/delivery/collect.hpp"
#include "tidegate/delivery/site.hpp"

namespace tidegate::delivery {

/// Where a Gate's reports come in: fetched from the vendors for runs that wait for them, and handed in by the host.
/// Both end in `CampaignRun::tell_reports`. Threads: `turn` on one thread; `ingest` on any.
class VendorReports {
  public:
    using Runs = std::vector<std::shared_ptr<CampaignRun>>;

    /// Channels without a vendor's protocol give no reports.
    VendorReports(const Site& site, const std::vector<ChannelOptions>& channels, const Clock& clock, Log& log);

    ~VendorReports() { closing_ = true; }  // what is under way ends with its pool, and is nobody's trouble
    VendorReports(const VendorReports&) = delete;
    VendorReports& operator=(const VendorReports&) = delete;

    /// Asks what is due, and hears answers for a moment.
    void turn(const Runs& runs);
    /// See `Gate::ingest_report`.
    Result<ReportsTaken> ingest(const Runs& runs, const std::string& account, channel::Headers headers,
                                std::string_view body);

  private:
    struct Vendor {
        ChannelOptions options;
        std::unique_ptr<const channel::VendorProtocol> protocol;
        std::unique_ptr<net::HttpPool> pool;
        TimePoint trouble_told{};
    };
    void ask(Vendor& vendor, const std::weak_ptr<CampaignRun>& run, const std::string& request, const std::string& page,
             int pages);
    void trouble(Vendor& vendor, const std::string& what);

    bool closing_ = false;
    const Site& site_;
    const Clock& clock_;
    Log& log_;
    net::HttpLoop loop_;
    std::map<std::string, Vendor> vendors_;
    std::mutex ended_;  // one ledger of an ended run at a time
};

}  // namespace tidegate::delivery
