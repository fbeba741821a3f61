#include "quota/redis_client.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/overloaded.hpp"
#include "quota/domain_json.hpp"
#include "quota/redis_scripts.hpp"
#include "quota/redis_state_json.hpp"

namespace tidegate::quota {
namespace {

using nlohmann::json;

/// Sums of two thousand of these still fit the fourteen digits that the store's JSON keeps.
constexpr double most = 1e10;
/// Of an order that a store without memory took: it did not know, and we may.
constexpr std::int64_t rate_as_it_stood = -2;
constexpr auto shortest_gap = std::chrono::milliseconds(90);

std::int64_t micros(Duration span) {
    return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
}

/// Whether leases of one rule set may be mixed with another's: everything that the store's arithmetic uses.
std::string fingerprint(const LeaseRules& rules) {
    std::string text;
    for (const Duration span : {rules.lease, rules.clock_step, rules.margin, rules.replica_lag})
        text += std::to_string(micros(span) / 1000) + "/";
    return text + std::to_string(rules.replicas) + "/" + std::to_string(std::llround(rules.drift * 1000));
}

}  // namespace

std::optional<QuotaOrder::State> state_of_word(std::string_view text) {
    for (const auto state :
         {QuotaOrder::State::run, QuotaOrder::State::pause, QuotaOrder::State::hold, QuotaOrder::State::abort})
        if (to_string(state) == text) return state;
    return std::nullopt;
}

std::int64_t thousandths(Rate rate) {
    if (!(rate.per_second > 0.0)) return 0;
    return static_cast<std::int64_t>(std::floor(std::min(rate.per_second * 1000.0, most)));
}

LeaseClient::LeaseClient(const SharedQuotaOptions& options, std::string node, std::uint64_t seed, BrokenRules broken)
    : rules_(options.rules),
      node_(std::move(node)),
      cap_generation_(options.generation),
      may_lead_(options.may_lead),
      broken_(broken),
      chance_(seed) {}

void LeaseClient::set_cap(const std::string& resource, Rate cap) {
    caps_[resource] = cap;
}

LeaseClient::Action LeaseClient::resume(const Event& event, TimePoint now) {
    return std::visit(Overloaded{[&](const Demand& wanted) { return demand(wanted, now); },
                                 [&](const Answer& got) { return answer(got.json, now); },
                                 [&](const Lost& lost) -> Action {
                                     lose(lost.why, now);
                                     return Wait{};
                                 },
                                 [&](const Connected&) -> Action {
                                     // After a failed request there is a pause already.
                                     if (trouble_.empty()) due_ = std::min(due_, now + soon());
                                     return Wait{};
                                 },
                                 [&](const Notice& notice) -> Action {
                                     hear(notice.json);
                                     return Wait{};
                                 }},
                      event);
}

LeaseClient::Action LeaseClient::demand(const Demand& wanted, TimePoint now) {
    // A flow that wakes up should not wait for its turn: where nothing was asked nothing was granted.
    const bool more = std::any_of(wanted.flows.begin(), wanted.flows.end(), [&](const Flow& flow) {
        const auto asked = asked_.find(flow.id);
        return !grants_.contains(flow.id) ||
               (asked != asked_.end() && asked->second == 0 && thousandths(flow.wants) > 0);
    });
    const bool fewer = wanted.flows.empty() && (registered_ || (leads(now) && !sees_));
    shown_ = std::exchange(showing_, {});
    shown_flows_.clear();
    for (Flow& flow : flows_) shown_flows_.emplace(flow.id, std::move(flow));
    flows_.assign(wanted.flows.begin(), wanted.flows.end());

    const bool early = (more || fewer) && (!last_sent_ || now - *last_sent_ >= shortest_gap) && trouble_.empty();
    // A leader whose own campaigns are over still leads the others'.
    const bool something = !flows_.empty() || registered_ || (leads(now) && !campaigns_.empty());
    const bool news = leads(now) && has_news() && last_sent_ && now - *last_sent_ >= rules_.renew / 4;
    Action action = Wait{};
    if (wanted.can_ask && !out_ && something && (now >= due_ || early || news)) action = ask(now);
    for (const Flow& flow : flows_) showing_[flow.id] = usable(flow, now);
    return action;
}

/// What the caller may use until the next Demand.
std::int64_t LeaseClient::usable(const Flow& flow, TimePoint now) const {
    const auto grant = grants_.find(flow.id);
    if (grant == grants_.end() || now >= grant->second.expires || stopped(flow)) return 0;
    return std::min(grant->second.rate, thousandths(flow.wants));
}

bool LeaseClient::stopped(const Flow& flow) const {
    const auto stops = [&](const std::string& subject) {
        const auto order = orders_.find(subject);
        return order != orders_.end() && order->second.state != QuotaOrder::State::run;
    };
    return stops("domain") || std::any_of(flow.resources.begin(), flow.resources.end(), stops);
}

LeaseClient::Action LeaseClient::ask(TimePoint now) {
    Sent sent{now, {}};
    json flows = json::array(), caps = json::object(), orders = json::object();
    const auto add = [&](const Flow& flow, std::int64_t wants) {
        // `using`: the caller obeys what it was shown last, and not more than that until the answer is here.
        const auto shown = shown_.find(flow.id);
        const auto grant = grants_.find(flow.id);
        const bool alive = grant != grants_.end() && now < grant->second.expires;
        const std::int64_t using_now = shown == shown_.end() || !alive ? 0 : shown->second;
        if (grant != grants_.end()) grant->second.rate = std::min(grant->second.rate, using_now);
        json resources = json::array();
        std::set<std::string> seen;
        for (std::size_t i = 0; i < flow.resources.size(); ++i) {
            const std::string& resource = flow.resources[i];
            if (!seen.insert(resource).second) continue;
            resources.push_back({resource, std::min(flow.take(i), 1e4)});
            const auto cap = caps_.find(resource);
            const bool limited = cap != caps_.end() && !std::isinf(cap->second.per_second);
            caps[resource] = {cap_generation_, limited ? thousandths(cap->second) : -1};
        }
        sent.flows.push_back(flow.id);
        asked_[flow.id] = wants;
        flows.push_back({{"id", flow.id},
                         {"p", std::clamp(flow.priority, 0, 9)},
                         {"w", wants},
                         {"u", using_now},
                         {"r", std::move(resources)}});
    };
    asked_.clear();
    for (const Flow& flow : flows_) add(flow, thousandths(flow.wants));
    // A flow that has only just gone may still be emitting while this request is on its way.
    for (const auto& entry : shown_flows_) {
        const std::string& id = entry.first;
        const bool gone = std::none_of(flows_.begin(), flows_.end(), [&](const Flow& f) { return f.id == id; });
        if (gone && shown_.contains(id) && shown_.at(id) > 0) add(entry.second, 0);
    }
    // Once in each epoch: what is ordered later reaches the store before it reaches us. A new epoch is silent for
    // longer than a renewal takes.
    sent.orders = epoch_ == 0 || orders_epoch_ != epoch_;
    if (sent.orders)
        for (const auto& [subject, order] : orders_) {
            const bool free = std::isinf(order.rate.per_second);
            orders[subject] = {order.generation, to_string(order.state), free ? -1 : thousandths(order.rate)};
        }

    json request = {{"proto", protocol},
                    {"rules", fingerprint(rules_)},
                    {"node", node_},
                    {"seq", ++sequence_},
                    {"since", last_sent_ ? micros(now - *last_sent_) : -1},
                    {"epoch", epoch_},
                    {"seen", seen_},
                    {"lease", micros(rules_.lease)},
                    {"step", micros(rules_.clock_step)},
                    {"margin", micros(rules_.margin)},
                    {"replicas", rules_.replicas},
                    {"lag", micros(rules_.replica_lag) / 1'000'000},
                    {"lead", may_lead_ && sees_ && (!flows_.empty() || (leads(now) && !campaigns_.empty()))},
                    {"term", term_},
                    {"caps", std::move(caps)},
                    {"orders", std::move(orders)},
                    {"flows", std::move(flows)},
                    {"knew", forgotten_}};
    sent.past = epoch_ != 0 && past_epoch_ != epoch_;
    request["past"] = sent.past;
    request["cards"] = json::object();
    for (const CampaignPart& part : parts_) request["cards"][part.id] = part_json(part, sent.past);
    // A master that was replaced grants no longer than this; lags are told in whole seconds. A lease, for proofs are as
    // far apart as renewals.
    const Duration stale =
        rules_.replicas > 0 ? std::max(rules_.replica_lag + std::chrono::seconds(1), rules_.lease) : Duration::zero();
    request["stale"] = micros(stale);
    const double lease = Seconds(rules_.lease).count() * (1.0 + rules_.drift);
    request["quiesce"] =
        micros(stale + std::chrono::duration_cast<Duration>(Seconds(lease)) + rules_.clock_step + rules_.margin);
    if (leads(now) && !targets_.empty()) {
        json targets = json::object();
        for (const auto& [resource, rate] : targets_) targets[resource] = thousandths(rate);
        request["targets"] = std::move(targets);
        request["words"] = words_;
        published_ = targets_;
    }
    out_ = std::move(sent);
    last_sent_ = now;
    registered_ = true;
    due_ = now + jittered(rules_.renew);
    return Ask{request.dump(-1, ' ', false, json::error_handler_t::replace)};
}

LeaseClient::Action LeaseClient::answer(std::string_view text, TimePoint now) {
    if (!out_) return Wait{};
    const json got = json::parse(text, nullptr, false);
    if (!got.is_object()) {
        lose("sent an answer that cannot be read", now);
        return Leave{"sent an answer that cannot be read"};
    }
    if (got.contains("refused")) {
        const std::string refused = word_in(got, "refused"), why = word_in(got, "why");
        lose(refused + ": " + why, now);
        if (refused == "fence") return Leave{"may have been replaced: " + why};
        return Wait{};
    }
    try {
        const json& rates = got.at("g");
        const json& limits = got.at("by");
        if (rates.size() != out_->flows.size() || limits.size() != out_->flows.size())
            throw std::invalid_argument("grants");
        const TimePoint from = broken_.expiry_from_answer ? now : out_->at;
        const TimePoint expires = after(from, Seconds(rules_.lease).count() * (1.0 - rules_.drift));
        std::map<std::string, Grant> grants;
        for (std::size_t i = 0; i < out_->flows.size(); ++i) {
            const auto rate = rates.at(i).get<double>();
            if (!(rate >= 0.0 && rate <= most)) throw std::invalid_argument("rate");
            grants[out_->flows[i]] = {static_cast<std::int64_t>(rate), expires, limits.at(i).get<std::string>()};
        }
        const auto epoch = got.at("epoch").get<std::uint64_t>();
        forgotten_ = forgotten_ || (epoch_ != 0 && epoch != epoch_);
        if (out_->past && epoch == epoch_) past_epoch_ = epoch;
        if (out_->orders && epoch == epoch_) orders_epoch_ = epoch;
        seen_ = std::stoll(got.at("v").get<std::string>());
        epoch_ = epoch;
        generation_ = std::max(generation_, got.at("gen").get<std::uint64_t>());
        const Duration quiet = std::chrono::microseconds(got.at("quiet").get<std::int64_t>());
        quiet_until_ = now + quiet;
        for (const auto& [subject, order] : got.at("orders").items())
            heed(subject, order.at(0).get<std::uint64_t>(), order.at(1).get<std::string>(),
                 order.at(2).get<std::int64_t>());
        leader_.clear();
        if (got.contains("leader")) {
            const json& leader = got.at("leader");
            leader_ = leader.at("n").get<std::string>();
            term_ = leader.at("t").get<std::uint64_t>();
            leader_until_ = expires;
        }
        campaigns_ = leader_ == node_ ? domain_of(got, seen_, out_->at) : std::vector<DomainCampaign>();
        whole_ = leader_ == node_ && quiet == Duration::zero();
        if (leader_ != node_) published_.clear();
        heard_.clear();
        const Duration ago = std::chrono::microseconds(got.value("said", std::int64_t{0}));
        if (got.contains("words"))
            for (const auto& [subject, said] : got.at("words").items())
                heard_[subject] = {said.get<std::string>(), out_->at - ago};
        // Look again when the room changes: the store falls silent no longer, or a node that did not renew drops out.
        // Counted from the asking, as the store said it no earlier; who looks too soon is told how long it still takes.
        const auto soonest = got.at("soonest").get<std::int64_t>();
        // A gap longer than a step would not count as time, and the silence would last longer than it has to.
        if (quiet > Duration::zero())
            due_ = std::min(due_, out_->at + std::min(quiet + soon(), rules_.clock_step * 9 / 10));
        if (soonest >= 0) due_ = std::min(due_, out_->at + std::chrono::microseconds(soonest) + soon());
        // Nodes that came back together do not stay together: a store that forgets is found by whoever asks first.
        if (std::exchange(silent_, quiet > Duration::zero()) && !silent_)
            due_ = std::min(due_, after(out_->at, Seconds(rules_.renew).count() * (0.1 + 0.9 * chance_.uniform())));
        if (got.value("unsteered", 0) > 0) due_ = std::min(due_, now + jittered(rules_.renew / 2));
        grants_ = std::move(grants);
        registered_ = !out_->flows.empty();
        trouble_.clear();
        answered_ = now;
        out_.reset();
        return Wait{};
    } catch (const std::exception&) {
        lose("sent an answer that cannot be read", now);
        return Leave{"sent an answer that cannot be read"};
    }
}

/// A target that should not wait for the next renewal: a campaign that had none, or much less than before.
bool LeaseClient::has_news() const {
    return std::any_of(targets_.begin(), targets_.end(), [&](const auto& target) {
        const auto before = published_.find(target.first);
        return before == published_.end() || thousandths(target.second) < thousandths(before->second) / 2;
    });
}

void LeaseClient::lose(std::string why, TimePoint now) {
    trouble_ = std::move(why);
    if (!out_) return;
    out_.reset();
    due_ = now + jittered(rules_.renew / 4);
}

void LeaseClient::hear(std::string_view text) {
    const json notice = json::parse(text, nullptr, false);
    try {
        const json& order = notice.at("order");
        if (heed(notice.at("subject").get<std::string>(), order.at(0).get<std::uint64_t>(),
                 order.at(1).get<std::string>(), order.at(2).get<std::int64_t>()))
            due_ = TimePoint::min();  // a resumed flow should not wait, a slower one must tell
    } catch (const json::exception&) {
        // Anybody may publish; what is no order changes nothing. The store's own record is what counts.
    }
}

/// Whether that was news. What was ordered is kept here too, so that it survives a store that forgets.
bool LeaseClient::heed(const std::string& subject, std::uint64_t generation, std::string_view state,
                       std::int64_t rate) {
    const auto known = state_of_word(state);
    if (!known) return false;
    QuotaOrder& order = orders_[subject];
    const bool final_already = order.state == QuotaOrder::State::abort;
    if (final_already || (generation <= order.generation && *known != QuotaOrder::State::abort)) return false;
    if (rate != rate_as_it_stood) order.rate = rate < 0 ? Rate::unlimited() : Rate{static_cast<double>(rate) / 1000.0};
    order.state = *known;
    order.generation = generation;
    generation_ = std::max(generation_, generation);
    return true;
}

std::vector<Lease> LeaseClient::leases(TimePoint now) {
    std::vector<Lease> made;
    made.reserve(flows_.size());
    for (const Flow& flow : flows_) {
        const auto grant = grants_.find(flow.id);
        const bool alive = grant != grants_.end() && now < grant->second.expires;
        const std::int64_t rate = showing_[flow.id] = usable(flow, now);
        std::string by;
        if (!alive)
            by = trouble_.empty() ? "no lease yet" : "the shared quota (" + trouble_ + ")";
        else if (rate < thousandths(flow.wants))
            by = stopped(flow) ? "an operator's order" : grant->second.limited_by;
        const TimePoint expires = alive ? grant->second.expires : now;
        made.push_back({flow.id, Rate{static_cast<double>(rate) / 1000.0}, expires, std::move(by), expires});
    }
    return made;
}

QuotaView LeaseClient::view(TimePoint now) const {
    QuotaView made;
    made.node = node_;
    made.trouble = trouble_;
    made.reachable = trouble_.empty() && answered_ != TimePoint{};
    made.answered = answered_;
    made.epoch = epoch_;
    made.quiet = std::max(Duration::zero(), quiet_until_ - now);
    made.leader = now < leader_until_ ? leader_ : std::string();
    made.term = term_;
    made.leads = leads(now);
    if (made.leads) made.campaigns = campaigns_;
    made.whole = made.leads && whole_;
    made.words = heard_;
    made.calls = sequence_;
    made.orders = orders_;
    return made;
}

/// Promptly, but not all nodes at the same moment.
Duration LeaseClient::soon() {
    return std::chrono::milliseconds(10 + static_cast<int>(40.0 * chance_.uniform()));
}

Duration LeaseClient::jittered(Duration period) {
    const double factor = 1.0 + rules_.jitter * (2.0 * chance_.uniform() - 1.0);
    return std::chrono::duration_cast<Duration>(Seconds(Seconds(period).count() * factor));
}

}  // namespace tidegate::quota
