#include "report/csv.hpp"

#include <algorithm>

#include "tidegate/base/text.hpp"

namespace tidegate::report {

namespace {

bool plain_number(std::string_view value) {
    if (value.front() == '+' || value.front() == '-') value.remove_prefix(1);
    bool point = false, digit = false;
    for (const char c : value) {
        if (c >= '0' && c <= '9') {
            digit = true;
        } else if (c == '.' && digit && !point) {
            point = true;
        } else {
            return false;
        }
    }
    return digit;
}

bool formula(std::string_view value) {
    return !value.empty() && std::string_view("=+-@\t\r").find(value.front()) != std::string_view::npos &&
           !plain_number(value);
}

/// The delivery that decided the recipient's outcome; while pending, the newest.
const LedgerDelivery* decisive(const LedgerRecipient& recipient, const std::vector<LedgerDelivery>& deliveries) {
    const LedgerDelivery* found = deliveries.empty() ? nullptr : &deliveries.back();
    for (const auto& d : deliveries) {
        if (d.state == DeliveryState::done && d.outcome == recipient.outcome) found = &d;
    }
    return found;
}

std::string channel_of(const LedgerDelivery& delivery, const std::vector<std::string>& sends) {
    const std::size_t step = delivery.id >> 8 & 0xFFU;
    return step < sends.size() ? sends[step] : "step " + std::to_string(step + 1);
}

}  // namespace

std::string csv_field(std::string_view value) {
    std::string text = formula(value) ? "'" + std::string(value) : std::string(value);
    if (text.find_first_of(",\"\r\n\t'") == std::string::npos &&
        (text.empty() || (text.front() != ' ' && text.back() != ' '))) {
        return text;
    }
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + "\"";
}

std::string csv_row(const LedgerRecipient& recipient, const std::vector<LedgerDelivery>& deliveries,
                    const std::vector<std::string>& sends) {
    const LedgerDelivery* last = decisive(recipient, deliveries);
    // An intent without an answer has no reason yet: the record's default must not read as one.
    const bool answered = last != nullptr && last->state != DeliveryState::intended;
    std::uint64_t attempts = 0;
    for (const auto& d : deliveries) attempts += d.attempts;
    std::string row = csv_field(recipient.person.key);
    row += "," + csv_field(to_string(recipient.outcome));
    row += "," + (last ? csv_field(channel_of(*last, sends)) : std::string());
    row += "," + (answered ? csv_field(to_string(last->last.reason)) : std::string());
    row += "," + (answered ? csv_field(last->last.code) : std::string());
    return row + "," + std::to_string(attempts) + "\r\n";
}

std::string condemned_row(const LedgerRecipient& recipient, const LedgerDelivery& delivery,
                          const std::vector<std::string>& sends) {
    std::string row = csv_field(recipient.person.key);
    row += "," + csv_field(channel_of(delivery, sends));
    row += "," + std::to_string((delivery.id & 0xFFU) + 1);
    row += delivery.last.drop_address ? ",dead" : ",doubtful";
    row += "," + csv_field(to_string(delivery.last.reason)) + "," + csv_field(delivery.last.code) + ",";
    if (delivery.last.invalid_since) row += format_wall_time(*delivery.last.invalid_since);
    return row + "\r\n";
}

}  // namespace tidegate::report
