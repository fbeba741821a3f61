#pragma once

#include <memory>

#include "channel/vendor.hpp"
#include "net/http.hpp"
#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/channel/channel.hpp"
#include "tidegate/channel/options.hpp"

namespace tidegate {

/// The channel of one provider account, ready to send. Loop and clock must outlive it; somebody runs the loop, on
/// another thread than the one that calls `stop` or drops the last reference. Errors: the first fault of the options;
/// `custom`, which only the host can make.
Result<std::shared_ptr<Channel>> make_channel(const ChannelOptions& options, net::HttpLoop& loop, const Clock& clock);

namespace channel {
/// How a Korean vendor's account is spoken to; nothing for other kinds of channel.
std::unique_ptr<VendorProtocol> vendor_protocol(const ChannelOptions& options);
}  // namespace channel

}  // namespace tidegate
