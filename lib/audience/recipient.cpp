#include "tidegate/audience/recipient.hpp"

#include <algorithm>
#include <array>

#include "tidegate/base/text.hpp"

namespace tidegate {
namespace {

constexpr std::size_t max_key_bytes = 256;
constexpr std::size_t max_listed_columns = 12;

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F;
    });
}

/// A column the mapping names and the place in the configuration that names it.
struct Use {
    std::string column, where;
};

std::vector<Use> uses_of(const AudienceMapping& mapping) {
    std::vector<Use> uses;
    const auto add = [&](const std::string& column, std::string where) {
        const bool known = std::any_of(uses.begin(), uses.end(), [&](const Use& use) { return use.column == column; });
        if (!known) uses.push_back({column, std::move(where)});
    };
    const auto add_optional = [&](const std::string& column, std::string where) {
        if (!column.empty()) add(column, std::move(where));
    };
    add_optional(mapping.key, "audience.key");  // its absence is a fault of its own
    for (const Address& address : mapping.address_columns) add(address.value, "audience.address." + address.type);
    add_optional(mapping.consent, "audience.consent");
    add_optional(mapping.night_consent, "audience.night_consent");
    add_optional(mapping.cohort_column, "cohorts.by");
    for (const std::string& field : mapping.fields) add(field, "message");
    return uses;
}

std::string hint_for(const std::string& column, const std::vector<std::string>& columns) {
    const std::vector<std::string_view> candidates(columns.begin(), columns.end());
    if (auto near = nearest(column, candidates)) return "Did you mean \"" + *near + "\"?";
    std::string hint = "The columns are ";
    for (std::size_t i = 0; i < std::min(columns.size(), max_listed_columns); ++i) {
        hint += (i == 0 ? "" : ", ") + columns[i];
    }
    return hint + (columns.size() > max_listed_columns ? " and others." : ".");
}

}  // namespace

std::vector<std::string> AudienceMapping::wanted_columns() const {
    std::vector<std::string> wanted;
    for (Use& use : uses_of(*this)) wanted.push_back(std::move(use.column));
    return wanted;
}

Result<RecipientReader, Faults> RecipientReader::bind(const AudienceMapping& mapping,
                                                      const std::vector<std::string>& columns) {
    Faults faults;
    if (mapping.key.empty()) {
        faults.push_back({Errc::invalid, "no column is named as the key", "audience.key",
                          "Name the column that identifies a recipient."});
    }
    for (const Use& use : uses_of(mapping)) {
        if (std::find(columns.begin(), columns.end(), use.column) != columns.end()) continue;
        faults.push_back({Errc::not_found, "the audience has no column \"" + use.column + "\"", use.where,
                          hint_for(use.column, columns)});
    }
    if (!faults.empty()) return faults;

    const auto index = [&](const std::string& column) {
        return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
    };
    const auto optional_index = [&](const std::string& column) {
        return column.empty() ? std::nullopt : std::optional(index(column));
    };
    RecipientReader reader;
    reader.columns_ = columns.size();
    reader.key_ = index(mapping.key);
    for (const Address& address : mapping.address_columns) {
        reader.addresses_.emplace_back(address.type, index(address.value));
    }
    for (const std::string& field : mapping.fields) reader.fields_.push_back(index(field));
    reader.consent_ = optional_index(mapping.consent);
    reader.night_consent_ = optional_index(mapping.night_consent);
    reader.cohort_ = optional_index(mapping.cohort_column);
    return reader;
}

Result<Recipient> RecipientReader::read(const std::vector<std::string>& values) const {
    const auto malformed = [](std::string why) { return Error{Errc::invalid, std::move(why), {}, {}}; };
    if (values.size() != columns_) {
        return malformed(std::to_string(values.size()) + " fields where the header has " + std::to_string(columns_));
    }
    Recipient recipient;
    recipient.key = trim(values[key_]);
    if (recipient.key.empty()) return malformed("empty key");
    if (recipient.key.size() > max_key_bytes) return malformed("key longer than 256 bytes");
    if (has_control(recipient.key)) return malformed("control character in the key");
    if (!valid_utf8(recipient.key)) return malformed("key is not UTF-8");

    for (const auto& [type, column] : addresses_) {
        Address address{type, std::string(trim(values[column]))};
        if (address.value.empty()) continue;
        if (has_control(address.value)) return malformed("control character in the " + type + " address");
        if (!valid_utf8(address.value)) return malformed(type + " address is not UTF-8");
        // Two columns with one address must not become two messages to it.
        const bool known =
            std::find(recipient.addresses.begin(), recipient.addresses.end(), address) != recipient.addresses.end();
        if (!known) recipient.addresses.push_back(std::move(address));
    }
    recipient.fields.reserve(fields_.size());
    for (const std::size_t column : fields_) {
        if (!valid_utf8(values[column])) return malformed("a field the message uses is not UTF-8");
        recipient.fields.push_back(values[column]);
    }
    if (consent_) recipient.consent = parse_consent(values[*consent_], recipient.consent_at);
    if (night_consent_) {
        std::optional<WallTime> ignored;
        recipient.night_consent = parse_consent(values[*night_consent_], ignored);
    }
    if (cohort_) {
        recipient.cohort_value = values[*cohort_];
        if (!valid_utf8(recipient.cohort_value)) return malformed("the cohort column is not UTF-8");
    }
    return recipient;
}

Consent parse_consent(std::string_view cell, std::optional<WallTime>& given_at) {
    given_at.reset();
    const std::string_view trimmed = trim(cell);
    if (trimmed.empty()) return Consent::none;
    std::string word(trimmed);
    for (char& c : word) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    static constexpr std::array<std::string_view, 6> yes = {"true", "1", "y", "yes", "t", "동의"};
    if (std::find(yes.begin(), yes.end(), word) != yes.end()) return Consent::given;
    if (auto time = parse_wall_time(trimmed)) {
        given_at = *time;
        return Consent::given;
    }
    return Consent::none;
}

}  // namespace tidegate
