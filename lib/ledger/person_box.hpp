#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/crypto.hpp"
#include "tidegate/audience/recipient.hpp"

namespace tidegate::ledger {

/// Addresses and fields as bytes: a count and, for each address, its type and value; a count and the fields. Counts and
/// lengths are unsigned LEB128.
std::string pack(const Recipient& person);
/// Fills `addresses` and `fields`. Errors: the bytes are not what `pack` makes.
Result<void> unpack(std::string_view bytes, Recipient& person);

/// Puts what is personal into the ledger and takes it out again; sealed when there is a key. What is sealed is bound to
/// the campaign and the recipient's key, so rows cannot be exchanged unnoticed. Threads: const members from any thread.
class PersonBox {
  public:
    PersonBox() = default;
    /// An empty key makes an open box. Errors: a key of the wrong length.
    static Result<PersonBox> make(std::string campaign_id, const Secret& key);

    bool seals() const { return sealer_.has_value(); }
    /// A value by which the key can be recognised later; only when the box seals.
    std::string check_value() const;
    bool recognises(std::string_view check_value) const;

    std::string put(const Recipient& person) const;
    /// Fills `addresses` and `fields` of the person whose `key` is set.
    Result<void> take(std::string_view stored, Recipient& person) const;

  private:
    std::string bound_to(std::string_view key) const;

    std::string campaign_;
    std::optional<net::Sealer> sealer_;
};

}  // namespace tidegate::ledger
