#include "delivery/route.hpp"

#include <algorithm>

namespace tidegate::delivery {

namespace {

constexpr std::size_t max_addresses = 255;

bool settled_well(Final outcome) {
    return outcome == Final::accepted || outcome == Final::delivered || outcome == Final::unknown;
}

}  // namespace

std::vector<std::string> addresses_for(const Recipient& person, const ChannelTraits& traits) {
    std::vector<std::string> found;
    for (const Address& address : person.addresses) {
        if (address.type != traits.address_type || address.value.empty() || found.size() == max_addresses) continue;
        if (std::find(found.begin(), found.end(), address.value) == found.end()) found.push_back(address.value);
    }
    if (found.empty() && traits.address_may_be_key) found.push_back(person.key);
    return found;
}

bool may_fail_over(const LedgerDelivery& ended, Purpose purpose) {
    if (ended.outcome == Final::failed) return true;
    if (ended.outcome != Final::invalid && ended.outcome != Final::undelivered && ended.outcome != Final::rejected) {
        return false;
    }
    // The account's fault, told by a report: for an advertisement nothing is urgent enough to go around it.
    if (ended.outcome == Final::undelivered && ended.last.pause_account) return purpose != Purpose::advertising;
    if (ended.last.reason == Reason::opted_out) return purpose != Purpose::advertising && ended.last.failover_ok;
    return ended.outcome == Final::invalid || ended.last.failover_ok;
}

RouteMove next_move(const std::vector<RouteStep>& steps, const LedgerRecipient& recipient,
                    const std::vector<LedgerDelivery>& deliveries, Purpose purpose) {
    RouteMove move;
    Final best = Final::pending;
    bool under_way = false;
    bool chain_open = true;

    for (std::size_t step = 0; step < steps.size(); ++step) {
        const bool also = steps[step].also;
        if (!also && !chain_open) continue;

        std::vector<const LedgerDelivery*> made;
        for (const LedgerDelivery& delivery : deliveries) {
            if (step_of(delivery.id) == step) made.push_back(&delivery);
        }
        if (made.empty()) {
            const std::size_t count = addresses_for(recipient.person, steps[step].traits).size();
            for (std::size_t address = 0; address < count; ++address) {
                move.start.push_back(delivery_id(recipient.id, step, address));
            }
            if (!also && count > 0) chain_open = false;
            continue;
        }

        bool step_open = false;
        bool step_settled = false;
        bool step_allows_next = false;
        bool step_opted_out = false;  // on any device: the others are the same person
        for (const LedgerDelivery* delivery : made) {
            if (delivery->state != DeliveryState::done) {
                step_open = true;
                continue;
            }
            best = best == Final::pending ? delivery->outcome : better(best, delivery->outcome);
            step_settled = step_settled || settled_well(delivery->outcome);
            step_allows_next = step_allows_next || may_fail_over(*delivery, purpose);
            step_opted_out = step_opted_out || delivery->outcome == Final::suppressed ||
                             (purpose == Purpose::advertising && delivery->last.reason == Reason::opted_out);
        }
        under_way = under_way || step_open;
        if (!also && (step_open || step_settled || step_opted_out || !step_allows_next)) chain_open = false;
    }

    move.finished = !under_way && move.start.empty();
    if (move.finished) move.outcome = best == Final::pending ? Final::no_address : best;
    return move;
}

}  // namespace tidegate::delivery
