#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/base/secret.hpp"

namespace tidegate::net {

std::array<std::uint8_t, 32> sha256(std::string_view data);
std::array<std::uint8_t, 32> hmac_sha256(std::string_view key, std::string_view data);
std::string hex(std::string_view bytes);
std::string sha256_hex(std::string_view data);
/// Only where a vendor's protocol demands it; what it covers is secret, so that no collision can be prepared.
std::string sha1_hex(std::string_view data);
std::string base64url(std::string_view bytes);             ///< without padding, RFC 4648 section 5
Result<std::string> base64_decode(std::string_view text);  ///< both alphabets, padding optional
bool equal_constant_time(std::string_view a, std::string_view b);
std::string random_bytes(std::size_t count);  ///< from OpenSSL's generator
/// A UUID (version 8, RFC 9562) that is a function of `name` alone: the first 16 bytes of its SHA-256.
std::string uuid_of(std::string_view name);

/// SHA-256 fed in pieces: fingerprints of whole audiences.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    void update(std::string_view data);
    std::array<std::uint8_t, 32> finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// A private key parsed once. Threads: const members from any thread.
class SigningKey {
  public:
    enum class Kind { es256, rs256 };
    /// PKCS#8 (or SEC1/PKCS#1) PEM. Errors: not PEM, another kind of key, P-256 wanted and another curve found. The
    /// message never quotes the key.
    static Result<SigningKey> parse(const Secret& pem, Kind kind);
    /// ES256: raw r||s, 64 bytes (RFC 7518 section 3.4). RS256: PKCS#1 v1.5 (section 3.3).
    std::string sign(std::string_view data) const;

  private:
    struct Impl;
    std::shared_ptr<const Impl> impl_;
    Kind kind_ = Kind::es256;
};

/// Compact JWS: base64url(header).base64url(claims).base64url(signature) (RFC 7515). Both arguments are JSON texts.
std::string jws(std::string_view header_json, std::string_view claims_json, const SigningKey& key);

/// AES-256-GCM with a random 96-bit nonce: nonce(12) ciphertext tag(16). `bound` is authenticated and not stored.
class Sealer {
  public:
    /// Errors: the key is not 32 bytes (raw, 64 hexadecimal digits or base64).
    static Result<Sealer> make(const Secret& key);
    std::string seal(std::string_view plain, std::string_view bound) const;
    /// Errors: altered, cut, another key or another `bound`.
    Result<std::string> open(std::string_view sealed, std::string_view bound) const;

  private:
    Secret key_;
};

}  // namespace tidegate::net
