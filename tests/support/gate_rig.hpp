#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/live_backend.hpp"
#include "support/temp_dir.hpp"
#include "support/vector_audience.hpp"
#include "tidegate/delivery/gate.hpp"
#include "tidegate/testing/scripted_channel.hpp"

namespace tidegate::test {

/// A gate with its real threads, clock and ledger over one guarded backend, "app", and the channel "push"; only the
/// network and the telemetry are scripted.
struct GateRig {
    struct Setup {
        testing::ScriptedChannel::Script script{};
        double capacity_hint = 100000;
        std::vector<std::string> more_channels{};  // each takes addresses of its own name
        std::function<void(GateOptions&)> options{};
    };

    TempDir dir;
    LiveBackend backend;  // 100 requests/s
    std::shared_ptr<testing::ScriptedChannel> channel;
    std::map<std::string, std::shared_ptr<testing::ScriptedChannel>> others;
    Site site;
    std::unique_ptr<Gate> gate;

    GateRig() : GateRig(Setup{}) {}
    explicit GateRig(testing::ScriptedChannel::Script script) : GateRig(Setup{.script = std::move(script)}) {}
    explicit GateRig(Setup setup) {
        Backend guarded;
        guarded.limits.name = "app";
        guarded.limits.max_age = std::chrono::seconds(1);
        guarded.limits.capacity_hint = setup.capacity_hint;
        guarded.signal = PushSignal{std::chrono::milliseconds(100)};
        site.backends.push_back(guarded);
        GateOptions lent;
        lent.lock_dir = dir.path();
        lent.sensors["app"] = backend.sensor();
        channel = add_channel("push", std::move(setup.script), lent);
        for (const std::string& name : setup.more_channels) others[name] = add_channel(name, {}, lent);
        if (setup.options) setup.options(lent);
        auto opened = Gate::open(site, system_clock(), lent);
        REQUIRE(opened);
        gate = std::move(*opened);
    }

    /// To everybody by "push", in two cohorts; 80 % of those who open do so within 2 s.
    static Campaign campaign(const std::string& id) {
        Campaign made;
        made.id = id;
        made.purpose = Purpose::informational;
        made.audience.addresses = {{"push", "address"}};
        made.message.body = "hello";
        made.message.collapse = "c";
        made.send = {{"push", false}};
        made.cohorts.count = 2;
        made.cohorts.gap = std::chrono::seconds(0);
        made.response = {0.1, std::chrono::seconds(1), 0.8};
        made.impact["app"] = {1.0, 0.0};
        return made;
    }
    RunOptions options() const {
        RunOptions made;
        made.ledger_dir = dir.file("ledger");
        return made;
    }
    CampaignHandle start(const Campaign& campaign, AudienceSource& audience, const RunOptions& options) {
        auto handle = gate->start(campaign, audience, options);
        if (!handle) {
            for (const Error& fault : handle.error()) MESSAGE(fault.text());
        }
        REQUIRE(handle);
        return *handle;
    }
    CampaignHandle start(const Campaign& campaign, std::size_t people) {
        VectorAudience audience = VectorAudience::of(people);
        return start(campaign, audience, options());
    }

  private:
    std::shared_ptr<testing::ScriptedChannel> add_channel(const std::string& name,
                                                          testing::ScriptedChannel::Script script, GateOptions& lent) {
        ChannelOptions options;
        options.name = name;
        site.channels.push_back(options);
        ChannelTraits traits;
        traits.kind = "custom";
        traits.address_type = name;
        traits.collapsible = true;
        auto made = std::make_shared<testing::ScriptedChannel>(traits, std::move(script));
        lent.channels[name] = made;
        return made;
    }
};

/// Whether the run put such an event on record.
inline bool told(const RunReport& report, const std::string& kind, const std::string& part) {
    return std::any_of(report.events.begin(), report.events.end(), [&](const EventRecord& event) {
        return event.kind == kind && event.detail.find(part) != std::string::npos;
    });
}

}  // namespace tidegate::test
