#include "tidegate/delivery/gate.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "channel/factory.hpp"
#include "delivery/account.hpp"
#include "delivery/backend_watch.hpp"
#include "delivery/campaign_handle.hpp"
#include "delivery/campaign_run.hpp"
#include "delivery/host_lock.hpp"
#include "delivery/practice_channel.hpp"
#include "delivery/prepare.hpp"
#include "delivery/sharing.hpp"
#include "delivery/steering.hpp"
#include "delivery/vendor_reports.hpp"
#include "net/http.hpp"
#include "signal/factory.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate {

using delivery::Account;
using delivery::BackendWatch;
using delivery::CampaignRun;

namespace {

using namespace std::chrono_literals;

constexpr auto feed_every = 5ms;
constexpr auto steer_every = 100ms;
constexpr auto share_every = 40ms;  // an order takes one tick here and one at the other node
constexpr auto held_back_for = 2ms;
constexpr auto lists_every = 2s;
constexpr auto opens_every = 500ms;
constexpr auto last_words = 10s;  // what a destructor allows the campaigns

std::string signal_identity(const SignalOptions& signal) {
    return std::visit(
        [](const auto& options) -> std::string {
            if constexpr (requires { options.url; }) {
                return options.url;
            } else {
                return "push";
            }
        },
        signal);
}

/// A bell that threads sleep on: ringing it is cheap and never lost.
class Bell {
  public:
    void ring() {
        {
            const std::lock_guard lock(mutex_);
            rung_ = true;
        }
        bell_.notify_one();
    }
    void wait(std::stop_token stop, Duration at_most) {
        std::unique_lock lock(mutex_);
        bell_.wait_for(lock, stop, at_most, [this] { return rung_; });
        rung_ = false;
    }

  private:
    std::mutex mutex_;
    std::condition_variable_any bell_;
    bool rung_ = false;
};

/// What a run may ring, also when its Gate is gone.
struct Bells {
    Bell feeder, writer, keeper, opens, reports;
};

}  // namespace

struct Gate::Impl {
    Impl(Site s, const Clock& c, GateOptions o)
        : site(std::move(s)), clock(c), options(std::move(o)), log(options.log, options.log_level) {}

    Site site;
    const Clock& clock;
    GateOptions options;
    Log log;
    std::vector<delivery::HostLock> locks;
    net::HttpLoop channel_loop;
    net::HttpLoop sensor_loop;
    std::vector<std::unique_ptr<Account>> accounts;
    std::shared_ptr<std::vector<std::unique_ptr<BackendWatch>>> backends =
        std::make_shared<std::vector<std::unique_ptr<BackendWatch>>>();
    std::unique_ptr<QuotaStore> quota = make_local_quota();
    std::unique_ptr<delivery::Sharing> sharing;  // instead of `quota`, where limits are shared between nodes
    std::unique_ptr<delivery::Steering> steering;
    std::unique_ptr<delivery::VendorReports> reports;

    mutable std::mutex mutex;
    std::vector<std::shared_ptr<CampaignRun>> runs;
    bool closing = false;

    std::shared_ptr<Bells> bells = std::make_shared<Bells>();
    std::vector<std::jthread> threads;

    std::vector<std::shared_ptr<CampaignRun>> running() const {
        const std::lock_guard lock(mutex);
        return runs;
    }
    bool any_active() const {
        const auto all = running();
        return std::any_of(all.begin(), all.end(), [](const auto& run) { return !run->ended(); });
    }

    Faults build();
    void begin();
    /// A thread of ours must not take the host's process with it. What was interrupted is not renewed: paces run out,
    /// intents stay in doubt, and the log says why.
    template <class Work>
    void guarded(Work work) {
        try {
            work();
        } catch (const std::exception& thrown) {
            log.error(std::string("internal error: ") + thrown.what());
            std::this_thread::sleep_for(100ms);
        } catch (...) {
            log.error("internal error");
            std::this_thread::sleep_for(100ms);
        }
    }
    void io(std::stop_token stop);
    void control(std::stop_token stop);
    void feed(std::stop_token stop);
    void write(std::stop_token stop);
    void keep(std::stop_token stop);
    void attribute(std::stop_token stop);
    void hear_reports(std::stop_token stop);
    void keep_history(bool at_once);
    LedgerBatch histories(const Campaign& campaign) const;
    void record_hold(const std::string& what, bool held, std::string_view operator_name) const;
    CampaignHandle handle(std::shared_ptr<CampaignRun> run);
};

Faults Gate::Impl::build() {
    Faults faults = site.validate();
    if (!faults.empty()) return faults;
    for (const auto& entry : options.channels) {
        const std::string& name = entry.first;
        const bool known = std::any_of(site.channels.begin(), site.channels.end(),
                                       [&](const ChannelOptions& wanted) { return wanted.name == name; });
        if (!known)
            faults.push_back(
                {Errc::not_found, "the site has no channel \"" + name + "\"", "GateOptions::channels", ""});
    }
    const std::string holder = "process " + std::to_string(::getpid()) + " since " + format_wall_time(clock.wall());
    for (const Backend& backend : site.backends) {
        if (options.dry_run || backend.limits.shadow || site.quota) continue;  // shared limits hold across processes
        Result<delivery::HostLock> lock =
            delivery::HostLock::take(options.lock_dir, backend.limits.name, signal_identity(backend.signal), holder);
        if (lock) {
            locks.push_back(std::move(*lock));
        } else {
            faults.push_back(lock.error());
        }
    }
    for (const ChannelOptions& wanted : site.channels) {
        std::shared_ptr<Channel> channel;
        if (const auto given = options.channels.find(wanted.name); given != options.channels.end()) {
            channel = given->second;
        } else {
            Result<std::shared_ptr<Channel>> made = make_channel(wanted, channel_loop, clock);
            if (!made) {
                faults.push_back(made.error());
                continue;
            }
            channel = std::move(*made);
        }
        if (options.dry_run) channel = std::make_shared<delivery::PracticeChannel>(std::move(channel));
        accounts.push_back(std::make_unique<Account>(wanted, std::move(channel)));
    }
    for (const Backend& backend : site.backends) {
        std::shared_ptr<Sensor> sensor;
        if (const auto given = options.sensors.find(backend.limits.name); given != options.sensors.end()) {
            sensor = given->second;
        } else if (!options.dry_run) {
            Result<std::shared_ptr<Sensor>> made =
                signal::make_sensor(backend.signal, sensor_loop, clock, backend.limits.max_age);
            if (!made) {
                faults.push_back(made.error());
                continue;
            }
            sensor = std::move(*made);
        }
        backends->push_back(std::make_unique<BackendWatch>(
            backend, std::move(sensor), std::make_unique<delivery::BackendMemory>(backend, options.history_dir, log)));
        backends->back()->recall(clock.now(), clock.wall());
    }
    if (faults.empty() && site.quota && !options.dry_run) {
        Result<std::unique_ptr<SharedQuota>> store = make_redis_quota(site.quota->store, options.quota_patience);
        if (store) {
            sharing = std::make_unique<delivery::Sharing>(std::move(*store), site.quota->grace, clock, log);
        } else {
            faults.push_back(store.error());
            faults.back().where = "quota.redis";
        }
    }
    return faults;
}

void Gate::Impl::begin() {
    std::vector<ChannelOptions> vendors;  // a channel of the host's own is the host's to ask
    for (const ChannelOptions& one : site.channels) {
        if (!options.dry_run && !options.channels.contains(one.name)) vendors.push_back(one);
    }
    reports = std::make_unique<delivery::VendorReports>(site, vendors, clock, log);
    steering =
        sharing ? std::make_unique<delivery::Steering>(*backends, *sharing, site.quota->store.rules.lease, clock, log)
                : std::make_unique<delivery::Steering>(*backends, *quota, clock, log);
    threads.emplace_back([this](std::stop_token stop) { io(stop); });
    threads.emplace_back([this](std::stop_token stop) { control(stop); });
    threads.emplace_back([this](std::stop_token stop) { feed(stop); });
    threads.emplace_back([this](std::stop_token stop) { write(stop); });
    threads.emplace_back([this](std::stop_token stop) { keep(stop); });
    threads.emplace_back([this](std::stop_token stop) { attribute(stop); });
    threads.emplace_back([this](std::stop_token stop) { hear_reports(stop); });
}

void Gate::Impl::io(std::stop_token stop) {
    while (!stop.stop_requested()) guarded([&] { channel_loop.run(50ms); });
}

void Gate::Impl::control(std::stop_token stop) {
    const Duration every = sharing ? share_every : steer_every;
    while (!stop.stop_requested()) {
        const auto begun = std::chrono::steady_clock::now();
        guarded([&] { steering->tick(running()); });
        do {
            guarded([&] { sensor_loop.run(20ms); });
        } while (!stop.stop_requested() && std::chrono::steady_clock::now() - begun < every);
    }
}

void Gate::Impl::feed(std::stop_token stop) {
    while (!stop.stop_requested()) {
        for (const auto& run : running()) {
            if (!run->ended()) guarded([&] { run->feed(); });
        }
        if (any_active()) {
            std::this_thread::sleep_for(feed_every);
        } else {
            bells->feeder.wait(stop, 1s);
        }
    }
}

void Gate::Impl::write(std::stop_token stop) {
    while (!stop.stop_requested()) {
        bool wrote = false, held = false;
        for (const auto& run : running()) {
            guarded([&] { wrote = run->write() || wrote; });
            held = held || run->holds_back();
        }
        if (!wrote) bells->writer.wait(stop, held ? held_back_for : 100ms);
    }
}

void Gate::Impl::keep(std::stop_token stop) {
    while (!stop.stop_requested()) {
        for (const auto& run : running()) {
            if (!run->ended()) guarded([&] { run->refresh_suppression(); });
        }
        keep_history(false);
        bells->keeper.wait(stop, lists_every);
    }
}

void Gate::Impl::attribute(std::stop_token stop) {
    while (!stop.stop_requested()) {
        for (const auto& run : running()) guarded([&] { run->attribute(stop); });
        bells->opens.wait(stop, opens_every);
    }
}

void Gate::Impl::hear_reports(std::stop_token stop) {
    while (!stop.stop_requested()) {
        if (any_active()) {
            guarded([&] { reports->turn(running()); });
        } else {
            bells->reports.wait(stop, 1s);
        }
    }
}

void Gate::Impl::keep_history(bool at_once) {
    if (options.dry_run) return;
    for (const auto& backend : *backends) {
        // What goes wrong is in the log and in the backend's progress.
        guarded([&] { static_cast<void>(backend->memory().keep(clock.now(), clock.wall(), at_once)); });
    }
}

/// With what knowledge of its backends a campaign begins, for the ledger.
LedgerBatch Gate::Impl::histories(const Campaign& campaign) const {
    LedgerBatch facts;
    for (const auto& backend : *backends) {
        if (!campaign.impact.contains(backend->options().name)) continue;
        facts.events.push_back(
            {clock.wall(), "history", backend->options().name + ": " + to_string(backend->memory().summary()), {}});
    }
    return facts;
}

void Gate::Impl::record_hold(const std::string& what, bool held, std::string_view operator_name) const {
    LedgerBatch facts;
    facts.events.push_back({clock.wall(), held ? "hold" : "release", what, std::string(operator_name)});
    for (const auto& run : running()) {
        if (!run->ended()) run->record(facts);
    }
}

CampaignHandle Gate::Impl::handle(std::shared_ptr<CampaignRun> run) {
    CampaignHandle handle;
    handle.run_ = std::make_shared<CampaignHandle::Run>(CampaignHandle::Run{std::move(run), backends});
    return handle;
}

Gate::Gate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Gate>, Faults> Gate::open(Site site, const Clock& clock, GateOptions options) {
    auto impl = std::make_unique<Impl>(std::move(site), clock, std::move(options));
    if (Faults faults = impl->build(); !faults.empty()) return faults;
    impl->begin();
    return std::unique_ptr<Gate>(new Gate(std::move(impl)));
}

Gate::~Gate() {
    const TimePoint deadline = impl_->clock.now() + last_words;
    static_cast<void>(stop(deadline));
    for (const auto& account : impl_->accounts) {
        try {
            account->channel().stop(impl_->clock.now() + 500ms);
        } catch (...) {
            impl_->log.error("channel " + account->name() + " threw while it was stopped");
        }
    }
    for (std::jthread& thread : impl_->threads) thread.request_stop();
    impl_->channel_loop.wake();
    impl_->sensor_loop.wake();
    impl_->threads.clear();
    if (impl_->sharing) impl_->guarded([&] { impl_->sharing->part(impl_->running(), *impl_->backends); });
    impl_->keep_history(true);
    for (const auto& run : impl_->running()) run->abandon();
}

Result<CampaignHandle, Faults> Gate::start(const Campaign& campaign, AudienceSource& audience, RunOptions options) {
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->closing) return Faults{{Errc::stopped, "the gate is closing", "campaign " + campaign.id, ""}};
    }
    std::vector<Account*> accounts;
    for (const auto& account : impl_->accounts) accounts.push_back(account.get());
    Result<delivery::RunParts, Faults> parts =
        delivery::prepare(impl_->site, campaign, audience, accounts, options, impl_->options.dry_run, impl_->clock);
    if (!parts) return parts.error();
    // A run of the same campaign that ended in this gate still answers for what it sent.
    for (const auto& earlier : impl_->running()) {
        if (earlier->campaign().id == campaign.id) parts->recent.clear();
    }
    parts->shared = impl_->sharing != nullptr;
    auto run = std::make_shared<CampaignRun>(
        std::move(*parts), impl_->clock, impl_->log, [bells = impl_->bells] { bells->feeder.ring(); },
        [bells = impl_->bells] { bells->writer.ring(); });
    run->refresh_suppression();  // reading the audience may have taken minutes
    if (!impl_->options.dry_run) run->record(impl_->histories(campaign));
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->closing) return Faults{{Errc::stopped, "the gate is closing", "campaign " + campaign.id, ""}};
        impl_->runs.push_back(run);
    }
    impl_->bells->feeder.ring();
    impl_->bells->reports.ring();
    return impl_->handle(std::move(run));
}

Result<CampaignHandle, Faults> Gate::start(const Campaign& campaign, RunOptions options) {
    if (Faults faults = campaign.validate(impl_->site); !faults.empty()) return faults;
    Result<std::unique_ptr<AudienceSource>> audience =
        open_audience(campaign.audience.file, campaign.mapping().wanted_columns());
    if (!audience) return Faults{audience.error()};
    return start(campaign, **audience, std::move(options));
}

Result<Preview, Faults> Gate::preview(const Campaign& campaign, AudienceSource& audience, std::size_t samples) {
    std::vector<Account*> accounts;
    for (const auto& account : impl_->accounts) accounts.push_back(account.get());
    return delivery::preview(impl_->site, campaign, audience, accounts, samples, impl_->clock);
}

std::vector<CampaignHandle> Gate::campaigns() const {
    std::vector<CampaignHandle> handles;
    for (const auto& run : impl_->running()) handles.push_back(impl_->handle(run));
    return handles;
}

std::vector<BackendProgress> Gate::backends() const {
    std::vector<BackendProgress> all;
    for (const auto& backend : *impl_->backends) all.push_back(backend->progress());
    return all;
}

Result<void> Gate::hold(const std::string& backend, bool held, std::string_view operator_name) {
    for (const auto& watch : *impl_->backends) {
        if (watch->options().name != backend) continue;
        watch->hold(held);
        impl_->record_hold(backend, held, operator_name);
        impl_->log.info("backend " + backend + (held ? " held" : " released") + " by the operator");
        return {};
    }
    return Error{Errc::not_found, "there is no backend \"" + backend + "\"", "",
                 "ask for the status to see their names"};
}

Result<void> Gate::hold_domain(bool held, std::string_view operator_name) {
    if (!impl_->sharing) {
        return Error{Errc::refused, "the site has no [quota]: there is no domain to hold", "", "hold the backends"};
    }
    impl_->sharing->hold_domain(held);
    impl_->record_hold("the whole domain", held, operator_name);
    impl_->log.info(std::string("the whole domain ") + (held ? "held" : "released") + " by the operator");
    return {};
}

std::optional<QuotaView> Gate::quota() const {
    return impl_->sharing ? std::optional(impl_->sharing->view()) : std::nullopt;
}

Result<void> Gate::push_sample(const std::string& backend, const Observation& sample) {
    for (const auto& watch : *impl_->backends) {
        if (watch->options().name != backend) continue;
        if (auto* sensor = dynamic_cast<PushSensor*>(watch->sensor())) {
            sensor->push(sample);
            return {};
        }
        return Error{Errc::refused, "the backend's signal is not \"push\"", backend, ""};
    }
    return Error{Errc::not_found, "there is no backend \"" + backend + "\"", "", ""};
}

Result<ReportsTaken> Gate::ingest_report(const std::string& account, const ReportHeaders& headers,
                                         std::string_view body) {
    return impl_->reports->ingest(impl_->running(), account, headers, body);
}

bool Gate::stop(TimePoint deadline) {
    std::vector<std::shared_ptr<CampaignRun>> runs;
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->closing = true;
        runs = impl_->runs;
    }
    for (const auto& run : runs) run->stop(deadline, {}, "the gate was closed");
    bool in_time = true;
    for (const auto& run : runs) {
        // The writer needs a moment after the deadline to put the end on disk.
        while (!run->ended() && impl_->clock.now() - 2s < deadline) static_cast<void>(run->wait(20ms));
        in_time = in_time && run->ended();
    }
    return in_time;
}

}  // namespace tidegate
