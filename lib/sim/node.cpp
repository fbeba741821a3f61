#include "sim/node.hpp"

#include <algorithm>
#include <cmath>

#include "delivery/prepare.hpp"
#include "tidegate/pacing/admission.hpp"

namespace tidegate::sim {
namespace {

/// Samples just before the start that are looked at as they came.
constexpr std::size_t kLive = 60;
constexpr std::size_t kPage = 1000;

Duration duration_of(double seconds) {
    return std::chrono::duration_cast<Duration>(Seconds(seconds));
}

ChannelOptions account_of(const Provider& provider) {
    ChannelOptions options;
    options.name = provider.name;
    if (provider.per_second > 0.0) options.per_second = Rate{provider.per_second};
    options.in_flight = static_cast<std::size_t>(provider.in_flight);
    options.timeout = duration_of(provider.timeout_s);
    return options;
}

}  // namespace

Node::Node(const Scenario& scenario, const Policy& policy, const std::vector<std::shared_ptr<ProviderModel>>& providers,
           const Clock& clock)
    : scenario_(scenario),
      clock_(clock),
      log_({}),
      quota_(make_local_quota()),
      steering_(backends_, *quota_, clock_, log_),
      runs_(scenario.campaigns.size()) {
    for (std::size_t i = 0; i < providers.size(); ++i)
        accounts_.push_back(std::make_unique<delivery::Account>(account_of(scenario.providers[i]), providers[i]));
    for (const Backend& backend : scenario.backends) {
        tidegate::Backend watched{backend.limits, PushSignal{duration_of(backend.telemetry.period_s)}};
        // A policy that is not the gate's own sends whatever the gate thinks of it.
        watched.limits.shadow = policy.kind != PolicyKind::impact;
        sensors_.push_back(std::make_shared<PushSensor>());
        auto memory = std::make_unique<delivery::BackendMemory>(watched, std::string{}, log_);
        backends_.push_back(
            std::make_unique<delivery::BackendWatch>(std::move(watched), sensors_.back(), std::move(memory)));
    }
}

Node::~Node() {
    for (const auto& run : begun_) run->abandon();
}

void Node::look_back(std::size_t backend, const std::vector<Sample>& past) {
    std::vector<Observation> seen;
    for (const Sample& sample : past) seen.push_back(sample.seen);
    delivery::BackendWatch& watch = *backends_[backend];
    watch.remember(seen);
    const Duration age = duration_of(scenario_.backends[backend].telemetry.delay_s);
    for (std::size_t i = past.size() - std::min(past.size(), kLive); i < past.size(); ++i) {
        const TimePoint due = past[i].seen.at + age;
        if (due > kStart) break;
        sensors_[backend]->push(past[i].seen);
        if (watch.poll(due).fresh) watch.judge({}, 0.0, due, clock_.wall());
    }
}

void Node::sample(std::size_t backend, const Sample& sample) {
    sensors_[backend]->push(sample.seen);
}

void Node::start(std::size_t campaign, const tidegate::Campaign& file, const ledger::MemoryLedger& ledger,
                 std::shared_ptr<SuppressionSource> suppression, std::uint64_t seed) {
    delivery::RunParts parts;
    parts.campaign = file;
    for (std::size_t i = 0; i < accounts_.size(); ++i) {
        parts.accounts.push_back(accounts_[i].get());
        parts.steps.push_back({i, file.send[i].also, accounts_[i]->traits()});
        parts.messages.push_back(*MessageTemplate::compile(file.message));
    }
    auto mine = std::make_unique<ledger::MemoryLedger>(ledger);
    parts.totals = mine->totals();
    parts.cohorts = mine->cohorts();
    for (DeliveryId last = 0;;) {
        auto open = *mine->open(last, kPage);
        if (open.empty()) break;
        last = open.back().first.id;
        std::move(open.begin(), open.end(), std::back_inserter(parts.open));
    }
    parts.recent = delivery::recent_releases(mine->ticks(), file, clock_.wall());
    parts.suppression.push_back(std::move(suppression));
    parts.seed = seed;
    parts.ledger = std::move(mine);
    // Nobody sleeps here: everyone's turn comes by itself.
    const auto turn_comes = [] {};
    auto run = std::make_shared<delivery::CampaignRun>(std::move(parts), clock_, log_, turn_comes, turn_comes);
    run->refresh_suppression();
    runs_[campaign] = run;
    begun_.push_back(std::move(run));
}

bool Node::busy() const {
    return std::any_of(begun_.begin(), begun_.end(), [](const auto& run) { return !run->ended(); });
}

void Node::steer() {
    steering_.tick(begun_);
}

void Node::work() {
    for (const auto& run : begun_) {
        if (run->ended()) continue;
        run->feed();
        while (run->write()) {
        }
    }
}

void Node::keep() {
    for (const auto& run : begun_)
        if (!run->ended()) run->refresh_suppression();
}

Decision::OfBackend Node::word(std::size_t backend) const {
    std::vector<Reaction> reactions;
    std::vector<Impact> impacts;
    for (const auto& run : begun_) {
        const auto& felt = run->campaign().impact;
        const auto found = felt.find(backends_[backend]->options().name);
        if (found == felt.end()) continue;
        reactions.push_back(run->reaction());
        impacts.push_back(found->second);
    }
    std::vector<Commitment> commitments;
    for (std::size_t i = 0; i < reactions.size(); ++i) commitments.push_back({&reactions[i], impacts[i]});
    const BackendProgress progress = backends_[backend]->progress();
    return {predicted_load(commitments, clock_.now()), progress.baseline, progress.ceiling};
}

}  // namespace tidegate::sim
