#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate {

/// One address of one recipient: `type` is a channel's address type ("apns", "fcm", "phone", "webhook").
struct Address {
    std::string type{};   ///< "apns", "fcm", "phone", "webhook" or a type of the host's own
    std::string value{};  ///< the token, number or other address

    bool operator==(const Address&) const = default;
};

/// What a recipient has agreed to.
enum class Consent : std::uint8_t { none, given };

/// A person of the audience, as delivery needs them. `fields` holds the columns the message uses, in the order of
/// `AudienceMapping::fields`.
struct Recipient {
    std::string key{};                      ///< identity; unique in the audience
    std::vector<Address> addresses{};       ///< every address there is, of any type
    std::vector<std::string> fields{};      ///< values of the columns the message uses
    Consent consent = Consent::none;        ///< to advertising
    Consent night_consent = Consent::none;  ///< to advertising at night
    std::optional<WallTime> consent_at{};   ///< known only when the column holds dates
    std::string cohort_value{};             ///< the value of `AudienceMapping::cohort_column`

    bool operator==(const Recipient&) const = default;
};

/// Which columns mean what.
struct AudienceMapping {
    std::string key{};                       ///< column of the identity; required, at most 256 bytes a value
    std::vector<Address> address_columns{};  ///< `type` and, in `value`, the column that holds it
    std::vector<std::string> fields{};       ///< columns the message template names
    std::string consent{};                   ///< empty: no such column, nobody has consented
    std::string night_consent{};             ///< likewise
    std::string cohort_column{};             ///< empty: cohorts by hash

    bool operator==(const AudienceMapping&) const = default;

    /// Every column named, each once, in a stable order.
    TIDEGATE_EXPORT std::vector<std::string> wanted_columns() const;
};

/// Turns rows into recipients by a mapping bound once to the source's columns. Pure; reusable for every row.
/// Threads: const members from any thread.
class TIDEGATE_EXPORT RecipientReader {
  public:
    /// Errors: one fault for each column the mapping names and the source lacks, with the nearest existing column.
    static Result<RecipientReader, Faults> bind(const AudienceMapping& mapping,
                                                const std::vector<std::string>& columns);

    /// Blanks around the key and around addresses are dropped, empty addresses too, and an address that stands in two
    /// columns of its type counts once.
    /// Errors: why the row is malformed: empty key, over-long key, bad UTF-8 in a used value, control characters in the
    /// key or an address, wrong number of values. Never quotes a value.
    Result<Recipient> read(const std::vector<std::string>& values) const;

  private:
    RecipientReader() = default;
    std::size_t columns_ = 0;
    std::size_t key_ = 0;
    std::vector<std::pair<std::string, std::size_t>> addresses_;
    std::vector<std::size_t> fields_;
    std::optional<std::size_t> consent_, night_consent_, cohort_;
};

/// Reads a consent cell: true/1/y/yes/t/동의 (any case) is given; an RFC 3339 time or date is given at that time;
/// anything else, the empty cell included, is none.
TIDEGATE_EXPORT Consent parse_consent(std::string_view cell, std::optional<WallTime>& given_at);

}  // namespace tidegate
