#include "delivery/reports.hpp"

#include "delivery/judge.hpp"

namespace tidegate::delivery {

bool open_to_report(const LedgerDelivery& delivery) {
    if (delivery.state != DeliveryState::done) return false;
    if (delivery.outcome == Final::accepted) return delivery.last.phase == Phase::submit;
    return delivery.outcome == Final::unknown &&
           (delivery.last.reason == Reason::ambiguous_submit || delivery.last.reason == Reason::pending);
}

bool take_report(LedgerDelivery& delivery, const channel::VendorReport& report) {
    if (delivery.id != report.about.delivery || delivery.attempts != report.about.attempt) return false;
    const std::optional<Final> outcome = judge_report(report.outcome);
    if (!outcome || !open_to_report(delivery)) return false;
    std::string id = std::move(delivery.last.provider_id);
    delivery.last = report.outcome;
    delivery.last.provider_id = std::move(id);
    delivery.outcome = *outcome;
    return true;
}

std::string request_of(const std::string& provider_id) {
    const std::size_t slash = provider_id.find('/');
    return slash == std::string::npos ? std::string() : provider_id.substr(0, slash);
}

}  // namespace tidegate::delivery
