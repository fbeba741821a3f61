#include "channel/factory.hpp"

#include "channel/apns_channel.hpp"
#include "channel/fcm_channel.hpp"
#include "channel/nhn_protocol.hpp"
#include "channel/provider_token.hpp"
#include "channel/solapi_protocol.hpp"
#include "channel/vendor_channel.hpp"
#include "channel/webhook_channel.hpp"
#include "net/crypto.hpp"

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
    Made operator()(const AlimtalkOptions&) const { return vendor(); }
    Made operator()(const SmsOptions&) const { return vendor(); }
    Made vendor() const {
        return Made(std::make_shared<channel::VendorChannel>(options, channel::vendor_protocol(options), loop, clock));
    }
    Made operator()(const CustomOptions&) const {
        return Error{Errc::invalid, "a custom channel is made by the host", "channel." + options.name,
                     "register it with GateOptions::channels under this name"};
    }
};

}  // namespace

namespace channel {

std::unique_ptr<VendorProtocol> vendor_protocol(const ChannelOptions& options) {
    const auto salt = [] { return net::hex(net::random_bytes(16)); };
    if (const auto* alimtalk = std::get_if<AlimtalkOptions>(&options.provider)) {
        if (const auto* solapi = std::get_if<SolapiAccount>(&alimtalk->vendor)) {
            return std::make_unique<SolapiProtocol>(options, *alimtalk, *solapi, salt);
        }
        return std::make_unique<NhnAlimtalkProtocol>(options, *alimtalk, std::get<NhnAccount>(alimtalk->vendor));
    }
    if (const auto* sms = std::get_if<SmsOptions>(&options.provider)) {
        if (const auto* solapi = std::get_if<SolapiAccount>(&sms->vendor)) {
            return std::make_unique<SolapiProtocol>(options, *sms, *solapi, salt);
        }
        return std::make_unique<NhnSmsProtocol>(options, *sms, std::get<NhnAccount>(sms->vendor));
    }
    return nullptr;
}

}  // namespace channel

Result<std::shared_ptr<Channel>> make_channel(const ChannelOptions& options, net::HttpLoop& loop, const Clock& clock) {
    if (const Faults faults = options.validate(); !faults.empty()) return faults.front();
    return std::visit(Maker{options, loop, clock}, options.provider);
}

}  // namespace tidegate
