#include "channel/factory.hpp"

#include "channel/apns_channel.hpp"
#include "channel/fcm_channel.hpp"
#include "channel/provider_token.hpp"
#include "channel/webhook_channel.hpp"

namespace tidegate {
namespace {

using Made = Result<std::shared_ptr<Channel>>;

struct Maker {
    const ChannelOptions& options;
    net::HttpLoop& loop;
    const Clock& clock;

    Made operator()(const ApnsOptions& apns) const {
        std::shared_ptr<channel::ProviderToken> token;
        if (!apns.key.empty()) {
            auto shared = channel::shared_provider_token(apns.team_id, apns.key_id, apns.key);
            if (!shared) return shared.error();
            token = std::move(*shared);
        }
        return Made(std::make_shared<channel::ApnsChannel>(options, apns, std::move(token), loop, clock));
    }
    Made operator()(const FcmOptions& fcm) const {
        auto account = channel::parse_service_account(fcm.credentials);
        if (!account) return account.error().front();
        auto key = net::SigningKey::parse(account->private_key_pem, net::SigningKey::Kind::rs256);
        if (!key) return key.error();
        return Made(
            std::make_shared<channel::FcmChannel>(options, fcm, std::move(*account), std::move(*key), loop, clock));
    }
    Made operator()(const WebhookOptions& webhook) const {
        return Made(std::make_shared<channel::WebhookChannel>(options, webhook, loop, clock));
    }
    Made operator()(const CustomOptions&) const {
        return Error{Errc::invalid, "a custom channel is made by the host", "channel." + options.name,
                     "register it with GateOptions::channels under this name"};
    }
};

}  // namespace

Result<std::shared_ptr<Channel>> make_channel(const ChannelOptions& options, net::HttpLoop& loop, const Clock& clock) {
    if (const Faults faults = options.validate(); !faults.empty()) return faults.front();
    return std::visit(Maker{options, loop, clock}, options.provider);
}

}  // namespace tidegate
