#pragma once

#include <cstdint>
#include <vector>

#include "tidegate/channel/channel.hpp"
#include "tidegate/delivery/campaign.hpp"
#include "tidegate/ledger/types.hpp"

namespace tidegate::delivery {

/// One step of a campaign's route with what its channel takes.
struct RouteStep {
    std::size_t channel = 0;  ///< index into the campaign's channels
    bool also = false;
    ChannelTraits traits;
};

constexpr DeliveryId delivery_id(std::int64_t recipient, std::size_t step, std::size_t address) {
    return static_cast<DeliveryId>(recipient) << 16 | static_cast<DeliveryId>(step) << 8 | address;
}
constexpr std::int64_t recipient_of(DeliveryId id) {
    return static_cast<std::int64_t>(id >> 16);
}
constexpr std::size_t step_of(DeliveryId id) {
    return (id >> 8) & 0xff;
}
constexpr std::size_t address_of(DeliveryId id) {
    return id & 0xff;
}

/// The addresses one step can use for a person, in the order of the audience; at most 255.
std::vector<std::string> addresses_for(const Recipient& person, const ChannelTraits& traits);

/// What is to be done for one recipient, given what has been done.
struct RouteMove {
    std::vector<DeliveryId> start;   ///< deliveries to begin now
    bool finished = false;           ///< nothing under way and nothing to begin
    Final outcome = Final::pending;  ///< when finished: the best delivery, or `no_address`

    bool operator==(const RouteMove&) const = default;
};

/// Whether the next channel may be tried after this delivery ended so. Never around an opt-out of an advertisement, and
/// never after `unknown`: the message may have arrived.
bool may_fail_over(const LedgerDelivery& ended, Purpose purpose);

/// Walks the route. `also` steps run besides; fail-over steps one after the other, all addresses of a step at once.
RouteMove next_move(const std::vector<RouteStep>& steps, const LedgerRecipient& recipient,
                    const std::vector<LedgerDelivery>& deliveries, Purpose purpose);

}  // namespace tidegate::delivery
