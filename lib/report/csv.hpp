#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tidegate/ledger/types.hpp"

namespace tidegate::report {

/// One RFC 4180 field: quoted when it needs to be. A value that a spreadsheet would run as a formula (it begins with
/// = + - @ tab or CR) gets an apostrophe in front, unless it is a plain number such as +821012345678 or -5.
std::string csv_field(std::string_view value);

/// The row exported for a recipient, CRLF included: key, outcome, channel, reason, code, attempts. `sends` names the
/// channels by send step; an unnamed step is told by its number. Never an address.
std::string csv_row(const LedgerRecipient& recipient, const std::vector<LedgerDelivery>& deliveries,
                    const std::vector<std::string>& sends);

/// The row exported for a condemned address, CRLF included. Never the address.
std::string condemned_row(const LedgerRecipient& recipient, const LedgerDelivery& delivery,
                          const std::vector<std::string>& sends);

inline constexpr std::string_view kCondemnedHeader = "key,channel,address,verdict,reason,code,since\r\n";
inline constexpr std::string_view kCsvHeader = "key,outcome,channel,reason,code,attempts\r\n";

}  // namespace tidegate::report
