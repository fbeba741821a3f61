#include "tidegate/ledger/fingerprint.hpp"

#include "ledger/row_digest.hpp"

namespace tidegate {

namespace ledger {

namespace {

void put(std::string& out, std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>((value >> shift) & 0xff);
}

// Lengths go first: without them ("ab", "c") and ("a", "bc") would be one row.
void put(std::string& out, std::string_view text) {
    put(out, static_cast<std::uint64_t>(text.size()));
    out += text;
}

}  // namespace

void RowDigest::add(const Recipient& person) {
    put(buffer_, person.key);
    put(buffer_, static_cast<std::uint64_t>(person.addresses.size()));
    for (const auto& address : person.addresses) {
        put(buffer_, address.type);
        put(buffer_, address.value);
    }
    put(buffer_, static_cast<std::uint64_t>(person.fields.size()));
    for (const auto& field : person.fields) put(buffer_, field);
    buffer_ += static_cast<char>(person.consent);
    buffer_ += static_cast<char>(person.night_consent);
    buffer_ += person.consent_at ? '\1' : '\0';
    if (person.consent_at) put(buffer_, static_cast<std::uint64_t>(person.consent_at->time_since_epoch().count()));
    put(buffer_, person.cohort_value);
    if (buffer_.size() >= 65536) {
        hash_.update(buffer_);
        buffer_.clear();
    }
}

std::string RowDigest::finish() {
    hash_.update(buffer_);
    buffer_.clear();
    const auto digest = hash_.finish();
    return net::hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace ledger

Result<std::string> audience_fingerprint(AudienceSource& audience, const AudienceMapping& mapping,
                                         std::uint64_t limit) {
    try {
        auto reader = RecipientReader::bind(mapping, audience.columns());
        if (!reader) return reader.error().front();
        ledger::RowDigest digest;
        AudienceRow row;
        for (std::uint64_t rows = 0; limit == 0 || rows < limit; ++rows) {
            auto more = audience.next(row);
            if (!more) return std::move(more).error();
            if (!*more) break;
            if (!row.malformed.empty()) continue;
            const auto person = reader->read(row.values);
            if (person) digest.add(*person);
        }
        return digest.finish();
    } catch (const std::exception& fault) {
        return Error{Errc::internal, std::string("the audience threw: ") + fault.what(), "audience", ""};
    } catch (...) {
        return Error{Errc::internal, "the audience threw", "audience", ""};
    }
}

}  // namespace tidegate
