// Bodies posted to the operator's surface: an order that is accepted keeps within what the gate may be told.
//
// Input: the last part of the path; a line; the body.
#include <cmath>

#include "control/requests.hpp"
#include "fuzz/fuzz.hpp"

using namespace tidegate;
using namespace tidegate::control;
using tidegate::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view body = fuzz::text_of(data, size);
    const std::string_view verb = fuzz::take_part(body, "\n");
    const Moment moment{TimePoint(std::chrono::hours(1000)), WallTime(std::chrono::hours(500'000))};
    const TimePoint oldest = moment.now - std::chrono::hours(24);
    const TimePoint newest = moment.now + std::chrono::seconds(5);

    if (const auto order = read_campaign_order(verb, body, moment)) {
        if (order->rate) {
            require(order->verb == CampaignOrder::Verb::rate, "only `rate` sets a rate");
            require(std::isfinite(order->rate->per_second) && order->rate->per_second >= 0,
                    "a rate is a number from 0");
        }
        if (order->opened) {
            require(order->verb == CampaignOrder::Verb::opens, "only `opens` tells who opened");
            for (const Open& open : *order->opened) {
                require(!open.key.empty(), "an open has a key");
                require(
                    open.at >= moment.wall - std::chrono::hours(24) && open.at <= moment.wall + std::chrono::seconds(5),
                    "an open is of the last day");
            }
        } else if (order->verb == CampaignOrder::Verb::opens) {
            require(std::isfinite(order->opens) && order->opens >= 0, "opens are counted");
            require(order->from <= order->to && order->from >= oldest && order->to <= newest,
                    "opens happened within the last day");
        }
    } else {
        require(!order.error().what.empty(), "a refusal says why");
    }
    if (const auto order = read_backend_order(verb, body, moment)) {
        require(order->sample.at == TimePoint{} || (order->sample.at >= oldest && order->sample.at <= newest),
                "a sample is of the last day");
        if (!order->held) require(body.find("false") != std::string_view::npos, "only the word false lifts a hold");
    }
    return 0;
}
