#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "channel/solapi_protocol.hpp"
#include "channel/vendor.hpp"
#include "samples.hpp"

namespace tidegate::test {

inline const WallTime nine{std::chrono::milliseconds(1'795'824'000'000)};

inline ChannelOptions vendor_channel(std::variant<AlimtalkOptions, SmsOptions> kind) {
    ChannelOptions options;
    options.name = "korea";
    std::visit([&](auto& one) { options.provider = std::move(one); }, kind);
    options.timeout = std::chrono::seconds(30);
    return options;
}

inline SolapiAccount solapi_account() {
    return {"NCSTIDEGATE00001", Secret("sesame"), "https://api.solapi.example"};
}
inline NhnAccount nhn_account() {
    return {"appkey1", Secret("sesame"), "https://nhn.example"};
}

/// One Alimtalk to a number ending in `last`, or an SMS of `body`.
inline Attempt to_phone(DeliveryId delivery, char last = '1') {
    Attempt attempt;
    attempt.delivery = delivery;
    attempt.campaign = "card-2026-11";
    attempt.key = "customer";
    attempt.address = std::string("010-1234-567") + last;
    attempt.message.body = "안녕하세요 김하나님";
    attempt.message.template_id = "KA01TP01";
    attempt.message.variables = {{"name", "김\"하나\""}, {"#{point}", "1,200"}};
    return attempt;
}

inline net::HttpResult spoken(int status, const std::string& body) {
    net::HttpResult result;
    result.transport = net::Transport::ok;
    result.response.status = status;
    result.response.body = body;
    return result;
}
inline net::HttpResult lost() {
    net::HttpResult result;
    result.transport = net::Transport::ambiguous;
    result.error = "the connection broke";
    return result;
}
inline net::HttpResult unreached() {
    net::HttpResult result;
    result.error = "connection refused";
    return result;
}

}  // namespace tidegate::test
