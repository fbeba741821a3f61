#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "net/http.hpp"
#include "support/certificate.hpp"
#include "tidegate/message/attempt.hpp"

namespace tidegate::test {

inline const std::string device_token = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

/// 2026-11-23T00:00:00Z.
inline const WallTime monday{std::chrono::seconds(1795392000)};

inline Attempt sample_attempt(std::string address = device_token) {
    Attempt attempt;
    attempt.delivery = 77;
    attempt.campaign = "card-benefit";
    attempt.id = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
    attempt.key = "customer-1001";
    attempt.address = std::move(address);
    attempt.message.title = "(광고) 혜택";
    attempt.message.body = "민수님, \"이번 달\" 혜택\n도착";
    attempt.message.link = "bankapp://benefit/7";
    attempt.message.collapse = "benefit-2026-11";
    attempt.message.data = {{"k", "v"}, {"쿠폰", "A\\B"}};
    attempt.expires = monday + std::chrono::hours(4);
    return attempt;
}

inline net::HttpResponse answer(int status, std::string body = {},
                                std::vector<std::pair<std::string, std::string>> headers = {}) {
    net::HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    response.headers = std::move(headers);
    return response;
}

/// First value of a header; "(none)" when there is none.
inline std::string header(const net::HttpRequest& request, const std::string& name) {
    for (const auto& [key, value] : request.headers) {
        if (key == name) return value;
    }
    return "(none)";
}

}  // namespace tidegate::test
