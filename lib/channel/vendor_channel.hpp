#pragma once

#include <memory>

#include "channel/vendor.hpp"
#include "net/http.hpp"
#include "tidegate/channel/channel.hpp"
#include "tidegate/channel/options.hpp"

namespace tidegate::channel {

/// A Korean vendor's account as a channel: splits what it is handed into the vendor's requests and carries their
/// conversations. Addresses are of type "phone". Threads: as `Channel`.
class VendorChannel final : public Channel {
  public:
    VendorChannel(const ChannelOptions& options, std::unique_ptr<const VendorProtocol> protocol, net::HttpLoop& loop,
                  const Clock& clock);
    ~VendorChannel() override;

    ChannelTraits traits() const override;
    void submit(std::span<const Attempt> attempts, Completion done) override;
    std::size_t capacity() const override;
    Result<void> check(const Attempt& attempt) const override;
    void stop(TimePoint deadline) override;

  private:
    struct State;
    const std::shared_ptr<State> state_;
};

}  // namespace tidegate::channel
