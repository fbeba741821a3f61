#pragma once

#include <cstdint>
#include <string>

namespace twin {

struct AudienceOptions {
    std::uint64_t recipients = 20'000;
    double apns_share = 0;  ///< this share has only an iOS token
    double dead_share = 0;  ///< this share has tokens the providers no longer know
    std::uint64_t seed = 1;
    std::string out;  ///< CSV file
};

/// Writes made-up customers: a function of the options, so two runs send to the same people.
/// Throws std::runtime_error when the file cannot be written.
void write_audience(const AudienceOptions& options);

}  // namespace twin
