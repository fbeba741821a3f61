#pragma once

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "delivery/backend_watch.hpp"
#include "delivery/campaign_run.hpp"
#include "delivery/domain.hpp"
#include "delivery/sharing.hpp"
#include "tidegate/pacing/admission.hpp"
#include "tidegate/quota/quota_store.hpp"

namespace tidegate::delivery {

/// The control thread's work, a tick at a time: telemetry in, paces out, everything on record. Owns no thread and no
/// lock.
class Steering {
  public:
    /// Limits of this process.
    Steering(std::vector<std::unique_ptr<BackendWatch>>& backends, QuotaStore& quota, const Clock& clock, Log& log);
    /// Limits shared between nodes.
    Steering(std::vector<std::unique_ptr<BackendWatch>>& backends, Sharing& sharing, Duration lease, const Clock& clock,
             Log& log);

    /// One look at the backends and one pace for every run. Runs that ended stay in `runs` while their load still
    /// lands.
    void tick(const std::vector<std::shared_ptr<CampaignRun>>& runs);

  private:
    struct View {
        std::shared_ptr<CampaignRun> run;  // null where only other nodes send it
        std::string id;
        int priority;
        std::map<std::string, Impact> impact;
        Reaction reaction;
        bool active;         // it is sent from here
        bool sends;          // somebody has something to send
        bool wants = false;  // it has something to send now
        double rate = 0;     // messages/s, while it is being worked out
        std::string reason;
        bool green = true;
        bool bound = false;  // a backend has set the rate
        GateSight sight{};
        double lot = std::numeric_limits<double>::infinity();  // largest audience for its first-come event
    };
    static std::optional<Impact> impact_on(const View& view, const std::string& backend);
    void steer(BackendWatch& backend, std::vector<View>& views, TimePoint now, WallTime wall, bool record);
    void put_on_record(BackendWatch& backend, const BackendWatch::Seen& seen, const std::vector<std::size_t>& owner,
                       const std::vector<View>& views, double committed, double expected, WallTime wall, bool record);
    static void attribute_opens(const BackendWatch::Seen& seen, const std::vector<std::size_t>& owner,
                                std::vector<View>& views);
    static void size_lots(const BackendWatch& backend, const Advice& advice, std::vector<View>& views);
    void hold_for_event(View& view, WallTime wall);
    void join(std::vector<View>& views, const QuotaView& domain, TimePoint now);
    void follow(BackendWatch& backend, std::vector<View>& views, const QuotaView& domain, TimePoint now, WallTime wall,
                bool record);
    void tell(const std::vector<View>& views, const std::vector<std::shared_ptr<CampaignRun>>& runs, TimePoint now);
    void note_word(const BackendWatch& backend, const Advice& advice, const BackendWord& loads, TimePoint now);
    Flow flow_of(const View& view, std::size_t account) const;
    std::string lease_limits(View& view, const std::vector<Lease>& leases, double leased);
    void hand_out(std::vector<View>& views, TimePoint now, WallTime wall, bool record);

    std::vector<std::unique_ptr<BackendWatch>>& backends_;
    QuotaStore& quota_;
    Sharing* const sharing_ = nullptr;
    const double in_force_s_ = 0;               // how long a rate may stay in force after the last word on it, halved
    bool leads_ = false;                        // and has heard of the whole domain
    std::set<std::string> loaded_;              // backends that some campaign loads, as far as is known here
    std::map<std::string, OwnLoad> own_loads_;  // by backend, when its newest sample was taken
    std::map<std::string, std::string> words_;  // for the other nodes, by subject
    const Clock& clock_;
    Log& log_;
    TimePoint recorded_{};
    std::map<const CampaignRun*, std::uint64_t> released_;
    std::map<const CampaignRun*, std::string> event_told_;  // how each first-come event stood last
};

}  // namespace tidegate::delivery
