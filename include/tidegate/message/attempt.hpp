#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tidegate/base/clock.hpp"
#include "tidegate/message/message.hpp"

namespace tidegate {

/// Names a delivery inside its campaign: recipient number << 16 | send step << 8 | address number.
using DeliveryId = std::uint64_t;

/// One try to deliver one message to one address over one channel.
struct Attempt {
    DeliveryId delivery = 0;            ///< which delivery it belongs to
    std::uint32_t number = 1;           ///< 1 = first try
    std::string campaign{};             ///< campaign id
    std::string id{};                   ///< canonical lower-case UUID, the same for every process that computes it
    std::string key{};                  ///< the recipient's identity; never leaves the host unless the channel needs it
    std::string address{};              ///< never logged in the clear
    RenderedMessage message{};          ///< what to say
    std::optional<WallTime> expires{};  ///< the message's ttl counted from this delivery's first attempt
    Purpose purpose = Purpose::informational;  ///< some providers want to know

    bool operator==(const Attempt&) const = default;
};

}  // namespace tidegate
