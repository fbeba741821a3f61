// The feeder's rooms of a run, continued: accounts that are down, and the ways around them.

#include <algorithm>

#include "delivery/campaign_run.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::delivery {

namespace {

constexpr std::size_t ahead = 512;  // that the next channel's queue may hold; the rest keeps waiting where it is

Outcome account_down(const std::string& name) {
    Outcome outcome = not_sent("account " + name + " is down; the next channel is taken");
    outcome.reason = Reason::server;
    outcome.scope = Scope::account;
    outcome.failover_ok = true;
    return outcome;
}

}  // namespace

/// What an answer or a report says about the account it came over; `ours` is one that we gave ourselves.
void CampaignRun::judge_account(const Asker& message, std::size_t index, const Outcome& answer, bool ours,
                                TimePoint now) {
    AccountBrake& brake = accounts_[index]->brake();
    const std::string name = "channel " + accounts_[index]->name();
    const bool was_down = brake.down_since().has_value();
    if (ours) {  // the provider is not to blame for what it was not given
        brake.held_back(message, now);
    } else if (answer.phase == Phase::submit) {  // its last word on one message is none on its health
        brake.record(message, answer, now);
    }
    if (std::optional<std::string> why = breakers_[index].record(answer); why && !guard_) {
        if (answer.pause_account && has_way_around(index)) {
            brake.pause(now);
            breakers_[index] = RatioBreaker{};
        } else {
            guard_ = name + ": " + *why;
        }
    }
    const bool is_down = brake.down_since().has_value();
    if (is_down == was_down) return;
    const std::string said = !is_down         ? name + " answers again"
                             : brake.paused() ? name + " cannot send until a person acts: " + answer.code
                                              : name + " is down: one message at a time asks whether it is back";
    log_.warn("campaign " + campaign_.id + ": " + said);
    const std::lock_guard lock(mutex_);
    event_locked("account", said, {});
}

/// Whether messages of this account may go another way at all. Advertisements wait: none is worth a text message in the
/// middle of an outage, and none may be sent around what its reader chose.
bool CampaignRun::has_way_around(std::size_t index) const {
    if (campaign_.purpose == Purpose::advertising) return false;
    bool behind = false;
    for (const RouteStep& step : steps_) {
        if (step.also) continue;
        if (behind && step.channel != index) return true;
        behind = behind || step.channel == index;
    }
    return false;
}

bool CampaignRun::goes_around(DeliveryId id, std::size_t index) const {
    const auto found = working_.find(recipient_of(id));
    if (found == working_.end() || steps_[step_of(id)].also) return false;
    for (std::size_t step = step_of(id) + 1; step < steps_.size(); ++step) {
        const std::size_t next = steps_[step].channel;
        if (steps_[step].also || next == index || accounts_[next]->brake().down()) continue;
        if (ready_[next].size() >= ahead) return false;
        if (!addresses_for(found->second.recipient.person, steps_[step].traits).empty()) return true;
    }
    return false;
}

/// Messages that wait for an account that is down go on to the next step once their patience is over. They end as
/// `failed` here, and begin there as every fail-over does: through the gate, with opt-outs and hours asked again.
void CampaignRun::go_around(TimePoint now) {
    for (std::size_t index = 0; index < accounts_.size(); ++index) {
        const std::optional<TimePoint> since = accounts_[index]->brake().down_since();
        std::deque<DeliveryId>& queue = ready_[index];
        if (!since || queue.empty()) continue;
        if (has_way_around(index)) {
            for (std::size_t left = std::min(queue.size(), ahead); left > 0; --left) {
                const DeliveryId id = queue.front();
                if (!accounts_[index]->brake().paused() && now - *since < campaign_.send[step_of(id)].patience) break;
                queue.pop_front();
                if (!goes_around(id, index)) {
                    queue.push_back(id);
                    continue;
                }
                Work* work = work_of(id);
                LedgerDelivery* delivery = work != nullptr ? delivery_of(*work, id) : nullptr;
                if (delivery == nullptr || delivery->state != DeliveryState::waiting) continue;
                delivery->last = account_down(accounts_[index]->name());
                apply(*work, *delivery, {DeliveryState::done, Final::failed, {}}, now);
            }
        }
    }
}

}  // namespace tidegate::delivery
