#include "sim/exact_world.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::sim {
namespace {

// The gate's own rhythm.
constexpr auto kFeedEvery = std::chrono::milliseconds(5);
constexpr int kFeedsInSecond = 200, kFeedsInTick = 20;
constexpr std::int64_t kListsEvery = 2;  // seconds
constexpr auto kWindUp = std::chrono::seconds(20);

constexpr double kCountedEvery = 5.0;            // seconds an interval of counted opens is long
constexpr std::int64_t kLongestTail = 3 * 3600;  // seconds a backend is given to recover after the last open

std::vector<std::string> ids_of(const Scenario& scenario) {
    std::vector<std::string> ids;
    for (const Campaign& campaign : scenario.campaigns) ids.push_back(campaign.id);
    return ids;
}

/// A clock that shows `kStart` when it is nine in the morning.
WallTime wall_of_first_moment() {
    const testing::ManualClock clock;
    return kMorning - std::chrono::duration_cast<std::chrono::milliseconds>(kStart - clock.now());
}

}  // namespace

ExactWorld::ExactWorld(const Scenario& scenario, const Policy& policy, std::uint64_t seed, bool keep_series)
    : scenario_(scenario),
      policy_(policy),
      seed_(seed),
      keep_series_(keep_series),
      timeline_(scenario),
      ground_(scenario, seed, keep_series),
      history_(ground_.history()),
      early_(scenario.backends.size()),
      clock_(wall_of_first_moment()) {
    clock_.advance(kStart - clock_.now());
    for (std::size_t i = 0; i < scenario.providers.size(); ++i)
        providers_.push_back(std::make_shared<ProviderModel>(scenario.providers[i], ids_of(scenario),
                                                             scenario.provider_ceiling,
                                                             stream(seed, Chance::provider, i), clock_));
    for (std::size_t b = 0; b < history_.size(); ++b)
        for (const Sample& sample : history_[b])
            if (after(sample.seen.at, scenario.backends[b].telemetry.delay_s) > kStart) early_[b].push_back(sample);
    for (std::size_t c = 0; c < scenario.campaigns.size(); ++c) {
        const Campaign& campaign = scenario.campaigns[c];
        AudienceRows rows(scenario, c, seed);
        Troop troop{.file = campaign_file(scenario, c, policy),
                    .opt_outs = std::make_shared<OptOuts>(campaign.audience.suppressed, rows.people(),
                                                          stream(seed, Chance::person, c)),
                    .ledger = {},
                    .people = People(campaign.crowd, rows.people(), stream(seed, Chance::crowd, c)),
                    .recipients = static_cast<double>(rows.people())};
        // The columns are our own and the rows in memory: nothing can fail.
        static_cast<void>(
            troop.ledger.ingest(rows, troop.file.mapping(), CohortPlan(troop.file.id, troop.file.cohorts)));
        troops_.push_back(std::move(troop));
    }
}

/// A node that knows what was seen before the start, and of the rest only what the ledgers tell.
void ExactWorld::change_node(std::int64_t t) {
    node_.reset();  // it dies before the next one takes its place
    node_ = std::make_unique<Node>(scenario_, policy_, providers_, clock_);
    for (std::size_t b = 0; b < history_.size(); ++b) node_->look_back(b, history_[b]);
    ++nodes_;
    for (std::size_t c = 0; c < troops_.size(); ++c) {
        troops_[c].counting = {.from_s = static_cast<double>(t)};
        if (!troops_[c].begun) continue;
        node_->start(c, troops_[c].file, troops_[c].ledger, troops_[c].opt_outs,
                     stream(seed_, Chance::run, c + nodes_ * troops_.size()));
    }
}

void ExactWorld::look(std::int64_t t, const Effects& effects) {
    const double now = static_cast<double>(t);
    for (std::size_t b = 0; b < early_.size(); ++b) {
        while (!early_[b].empty() &&
               after(early_[b].front().seen.at, scenario_.backends[b].telemetry.delay_s) <= clock_.now()) {
            node_->sample(b, early_[b].front());
            early_[b].pop_front();
        }
        for (const Sample& sample : ground_.arrived(b, t)) node_->sample(b, sample);
    }
    for (const auto& provider : providers_) provider->meet(effects);
    for (std::size_t c = 0; c < troops_.size(); ++c) {
        delivery::CampaignRun* run = node_->run(c);
        if (run == nullptr) continue;
        run->pause(effects.paused, "scenario");
        for (std::deque<Mail>& mail = troops_[c].mail; !mail.empty() && mail.front().due <= now; mail.pop_front()) {
            const Mail& opens = mail.front();
            const TimePoint from = after(kStart, opens.from_s), to = after(kStart, opens.to_s);
            if (scenario_.campaigns[c].opens == OpensSeen::attributed)
                run->observe_opens(opens.ages, from, to);
            else
                run->observe_opens(opens.count, from, to);
        }
    }
    if (t % kListsEvery == 0) node_->keep();
}

void ExactWorld::begin_and_give_up(std::int64_t t) {
    const double now = static_cast<double>(t);
    const bool over = now >= scenario_.give_up_s;
    for (std::size_t c = 0; c < troops_.size(); ++c) {
        Troop& troop = troops_[c];
        if (!troop.begun && !over && now >= scenario_.campaigns[c].starts_s) {
            troop.begun = true;
            node_->start(c, troop.file, troop.ledger, troop.opt_outs,
                         stream(seed_, Chance::run, c + nodes_ * troops_.size()));
        }
        if (over && !troop.given_up) {
            troop.given_up = true;
            if (delivery::CampaignRun* run = node_->run(c))
                run->stop(clock_.now() + kWindUp, "scenario", "given up, as the scenario says");
        }
    }
}

/// One second of the gate's threads.
void ExactWorld::live(std::vector<double>& delivered) {
    int step = 0;
    for (; step < kFeedsInSecond && node_->busy(); ++step) {
        receive(delivered);
        if (step % kFeedsInTick == 0) node_->steer();
        node_->work();
        clock_.advance(kFeedEvery);
    }
    if (step == kFeedsInSecond) return;
    // Nobody has anything to do: the rest of the second is one step.
    clock_.advance(kFeedEvery * (kFeedsInSecond - step));
    receive(delivered);
}

void ExactWorld::receive(std::vector<double>& delivered) {
    for (const auto& provider : providers_)
        for (const Arrival& arrival : provider->answer()) {
            delivered[arrival.campaign] += 1.0;
            troops_[arrival.campaign].people.deliver(arrival.recipient - 1, seconds_between(kStart, arrival.at),
                                                     seconds_between(arrival.sent, arrival.at));
        }
}

void ExactWorld::open(std::int64_t t, const Effects& effects, std::vector<double>& opens) {
    for (std::size_t c = 0; c < troops_.size(); ++c) {
        Troop& troop = troops_[c];
        const std::vector<Opening> openings = troop.people.open(t);
        opens[c] = static_cast<double>(openings.size());
        troop.opens += opens[c];
        tell(t, troop, openings, scenario_.campaigns[c].opens, effects);
    }
}

/// As the host tells the gate: second by second with ages, or counted over some seconds.
void ExactWorld::tell(std::int64_t t, Troop& troop, const std::vector<Opening>& openings, OpensSeen seen,
                      const Effects& effects) {
    if (seen == OpensSeen::none) return;
    const double told = effects.opens_lost ? 0.0 : effects.opens_times;
    Mail& mail = troop.counting;
    mail.to_s = static_cast<double>(t) + 1.0;
    mail.due = mail.to_s + effects.opens_late_s;
    mail.count += told * static_cast<double>(openings.size());
    if (told > 0.0)
        for (const Opening& opening : openings) mail.ages.push_back({opening.age_s, told});
    if (seen == OpensSeen::counted && std::fmod(mail.to_s, kCountedEvery) > 1e-9) return;
    const double end = mail.to_s;
    troop.mail.push_back(std::exchange(mail, {.from_s = end}));
}

void ExactWorld::record(const std::vector<double>& delivered, const std::vector<double>& opens) {
    std::vector<double> taken(troops_.size(), 0.0);
    for (const auto& provider : providers_) {
        const std::vector<double> its = provider->take_taken();
        for (std::size_t c = 0; c < troops_.size(); ++c) taken[c] += its[c];
    }
    for (std::size_t c = 0; c < troops_.size(); ++c) {
        troops_[c].sent += taken[c];
        if (!keep_series_) continue;
        Progress progress;
        progress.reason = "not begun yet";
        if (delivery::CampaignRun* run = node_->run(c)) progress = run->progress();
        // Without any bound the provider's ceiling is what is allowed.
        const double rate = std::min(progress.allowed, scenario_.provider_ceiling);
        ground_.result().campaigns[c].series.push_back({progress.state == RunState::running ? rate : 0.0, taken[c],
                                                        delivered[c], opens[c], ground_.reason(progress.reason)});
    }
}

double ExactWorld::share_done() const {
    double done = 0.0, all = 0.0;
    for (const Troop& troop : troops_) {
        const LedgerTotals totals = troop.ledger.totals();
        done += troop.recipients - static_cast<double>(totals.outcomes[static_cast<std::size_t>(Final::pending)]);
        all += troop.recipients;
    }
    return all > 0.0 ? done / all : 1.0;
}

/// Nothing more can happen because of the campaigns.
bool ExactWorld::settled(std::int64_t t) {
    const bool quiet =
        t > 0 && !node_->busy() &&
        std::all_of(providers_.begin(), providers_.end(), [](const auto& provider) { return provider->quiet(); }) &&
        std::all_of(troops_.begin(), troops_.end(),
                    [](const Troop& troop) { return (troop.begun || troop.given_up) && troop.people.quiet(); });
    if (!quiet) {
        quiet_since_ = -1;
        return false;
    }
    if (quiet_since_ < 0) quiet_since_ = t;
    return t > quiet_since_ + kLongestTail || ground_.recovered();
}

SimResult ExactWorld::run() {
    std::vector<double> delivered(troops_.size()), opens(troops_.size());
    std::vector<Decision::OfBackend> words(scenario_.backends.size());
    change_node(0);
    for (std::int64_t t = 0; !settled(t); ++t) {
        const Effects effects = timeline_.at(static_cast<double>(t), share_done());
        if (effects.takeover) change_node(t);
        begin_and_give_up(t);
        look(t, effects);
        std::fill(delivered.begin(), delivered.end(), 0.0);
        live(delivered);
        open(t, effects, opens);
        if (keep_series_)
            for (std::size_t b = 0; b < words.size(); ++b) words[b] = node_->word(b);
        ground_.serve(t, effects, opens, delivered, words);
        record(delivered, opens);
    }
    conclude();
    return std::move(ground_.result());
}

void ExactWorld::conclude() {
    SimResult& result = ground_.result();
    result.finished = true;
    for (std::size_t c = 0; c < troops_.size(); ++c) {
        const Troop& troop = troops_[c];
        CampaignResult& campaign = result.campaigns[c];
        ExactResult& exact = campaign.exact.emplace();
        exact.end = {RunState::incomplete, 4, "given up before it began"};
        if (delivery::CampaignRun* run = node_->run(c)) exact.end = *run->wait(Duration{0});
        exact.reached = troop.people.reached();
        exact.twice = troop.people.twice();
        RunReport& report = exact.report;
        report.campaign = campaign.id;
        report.state = exact.end.state;
        report.totals = troop.ledger.totals();
        report.channels = troop.ledger.tallies();
        report.cohorts = troop.ledger.cohorts();
        report.backends = troop.ledger.backends();
        report.holds = troop.ledger.holds();
        report.events = troop.ledger.events();
        report.malformed = troop.ledger.malformed(100);

        campaign.finished = exact.end.state == RunState::completed;
        campaign.sent = troop.sent;
        campaign.opens = troop.opens;
        TimePoint last = after(kStart, scenario_.campaigns[c].starts_s);
        for (const auto& provider : providers_) last = std::max(last, provider->last_taken(c));
        campaign.completion_s =
            campaign.finished ? seconds_between(kStart, last) - scenario_.campaigns[c].starts_s : scenario_.give_up_s;
        result.finished = result.finished && campaign.finished;
        result.completion_s = std::max(result.completion_s, campaign.completion_s + scenario_.campaigns[c].starts_s);
    }
    result.struck_s = timeline_.struck();
}

}  // namespace tidegate::sim
