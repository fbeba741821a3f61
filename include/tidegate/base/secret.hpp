#pragma once

#include <string>
#include <string_view>

#include "tidegate/base/export.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate {

/// A credential that does not print, compares in constant time and wipes its memory when it goes.
class TIDEGATE_EXPORT Secret {
  public:
    Secret() = default;
    /// Takes the value over; the argument's memory is wiped.
    explicit Secret(std::string value);
    ~Secret();
    /// @{ What is replaced or moved from is wiped.
    Secret(const Secret&);
    Secret& operator=(const Secret&);
    Secret(Secret&&) noexcept;
    Secret& operator=(Secret&&) noexcept;
    /// @}

    /// Whether there is none.
    bool empty() const { return value_.empty(); }
    /// The secret itself; never log the result.
    const std::string& reveal() const { return value_; }
    /// Takes as long for a near miss as for a match.
    bool equals(std::string_view candidate) const;
    /// As `equals`.
    bool operator==(const Secret& other) const { return equals(other.value_); }

  private:
    std::string value_;
};

/// Reads `file:PATH` (relative paths against `base_dir`; one trailing newline of a text is dropped, raw bytes are taken
/// as they are) or `env:NAME`.
/// Errors: any other form is `invalid`; an unreadable file or an unset or empty variable is `not_found`. The message
/// names the reference, never its content.
TIDEGATE_EXPORT Result<Secret> read_secret(std::string_view reference, const std::string& base_dir);

/// "…7f3a": the last four characters of an address or token, or "…" when it is shorter than eight.
TIDEGATE_EXPORT std::string mask(std::string_view address);

}  // namespace tidegate
