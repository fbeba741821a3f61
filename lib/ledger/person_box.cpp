#include "ledger/person_box.hpp"

#include <cstdint>

namespace tidegate::ledger {

namespace {

void put_number(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out += static_cast<char>((value & 0x7f) | 0x80);
        value >>= 7;
    }
    out += static_cast<char>(value);
}

void put_text(std::string& out, std::string_view text) {
    put_number(out, text.size());
    out += text;
}

bool take_number(std::string_view& in, std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 63 && !in.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(in.front());
        in.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return true;
    }
    return false;
}

bool take_text(std::string_view& in, std::string& text) {
    std::uint64_t size = 0;
    if (!take_number(in, size) || size > in.size()) return false;
    text.assign(in.substr(0, static_cast<std::size_t>(size)));
    in.remove_prefix(static_cast<std::size_t>(size));
    return true;
}

constexpr std::string_view check_text = "tidegate ledger";

}  // namespace

std::string pack(const Recipient& person) {
    std::string out;
    put_number(out, person.addresses.size());
    for (const auto& address : person.addresses) {
        put_text(out, address.type);
        put_text(out, address.value);
    }
    put_number(out, person.fields.size());
    for (const auto& field : person.fields) put_text(out, field);
    return out;
}

Result<void> unpack(std::string_view bytes, Recipient& person) {
    const Error damaged{Errc::unavailable, "the data of a recipient are damaged", "", "restore the ledger from a copy"};
    std::uint64_t count = 0;
    // Every element takes at least one byte, which bounds what a damaged count can make us reserve.
    if (!take_number(bytes, count) || count > bytes.size()) return damaged;
    person.addresses.resize(static_cast<std::size_t>(count));
    for (auto& address : person.addresses)
        if (!take_text(bytes, address.type) || !take_text(bytes, address.value)) return damaged;
    if (!take_number(bytes, count) || count > bytes.size()) return damaged;
    person.fields.resize(static_cast<std::size_t>(count));
    for (auto& field : person.fields)
        if (!take_text(bytes, field)) return damaged;
    if (!bytes.empty()) return damaged;
    return {};
}

Result<PersonBox> PersonBox::make(std::string campaign_id, const Secret& key) {
    PersonBox box;
    box.campaign_ = std::move(campaign_id);
    if (key.empty()) return box;
    auto sealer = net::Sealer::make(key);
    if (!sealer) return std::move(sealer).error();
    box.sealer_ = std::move(*sealer);
    return box;
}

// The two kinds of binding differ in the byte after the campaign, so neither can stand in for the other.
std::string PersonBox::bound_to(std::string_view key) const {
    return campaign_ + '\0' + std::string(key);
}

std::string PersonBox::check_value() const {
    return sealer_ ? net::base64url(sealer_->seal(check_text, campaign_ + '\1')) : std::string();
}

bool PersonBox::recognises(std::string_view check_value) const {
    if (!sealer_) return false;
    const auto sealed = net::base64_decode(check_value);
    if (!sealed) return false;
    const auto text = sealer_->open(*sealed, campaign_ + '\1');
    return text && *text == check_text;
}

std::string PersonBox::put(const Recipient& person) const {
    return sealer_ ? sealer_->seal(pack(person), bound_to(person.key)) : pack(person);
}

Result<void> PersonBox::take(std::string_view stored, Recipient& person) const {
    if (!sealer_) return unpack(stored, person);
    auto plain = sealer_->open(stored, bound_to(person.key));
    if (!plain) return Error{Errc::unavailable, "the sealed data of a recipient were altered", "", ""};
    return unpack(*plain, person);
}

}  // namespace tidegate::ledger
