#include "net/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <climits>
#include <utility>

#include "net/openssl.hpp"

namespace tidegate::net {
namespace {

constexpr std::size_t key_size = 32, nonce_size = 12, tag_size = 16;

constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// 0 to 63, or -1 for a character of neither base64 alphabet.
int sextet(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-' || c == '+') return 62;
    if (c == '_' || c == '/') return 63;
    return -1;
}

int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int length_of(std::string_view data) {
    must(data.size() <= INT_MAX);
    return static_cast<int>(data.size());
}

std::string_view view(const std::array<std::uint8_t, 32>& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// The 32 bytes of a key written as 64 hexadecimal digits; empty when it is not.
Secret from_hex(std::string_view text) {
    if (text.size() != 2 * key_size) return {};
    std::string bytes;
    bytes.reserve(key_size);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = nibble(text[i]), low = nibble(text[i + 1]);
        if (high < 0 || low < 0) {
            OPENSSL_cleanse(bytes.data(), bytes.size());
            return {};
        }
        bytes += static_cast<char>(high << 4 | low);
    }
    return Secret(std::move(bytes));
}

}  // namespace

std::array<std::uint8_t, 32> sha256(std::string_view data) {
    std::array<std::uint8_t, 32> digest = {};
    // Fetched once: EVP_sha256() would be looked up among the providers, under a lock, for each digest.
    static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    must(method != nullptr && EVP_Digest(data.data(), data.size(), digest.data(), nullptr, method, nullptr) == 1);
    return digest;
}

std::array<std::uint8_t, 32> hmac_sha256(std::string_view key, std::string_view data) {
    std::array<std::uint8_t, 32> digest = {};
    // A null key would mean "the key of last time" to OpenSSL.
    const char* const key_bytes = key.empty() ? "" : key.data();
    must(HMAC(EVP_sha256(), key_bytes, length_of(key), bytes_of(data), data.size(), digest.data(), nullptr) != nullptr);
    return digest;
}

std::string hex(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

std::string sha256_hex(std::string_view data) {
    return hex(view(sha256(data)));
}

std::string sha1_hex(std::string_view data) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(data.data(), data.size(), digest.data(), &length, EVP_sha1(), nullptr) != 1) {
        throw std::runtime_error("SHA-1 is not available");
    }
    return hex({reinterpret_cast<const char*>(digest.data()), length});
}

std::string base64url(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() * 4 + 2) / 3);
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : bytes) {
        bits = bits << 8 | static_cast<unsigned char>(c);
        for (held += 8; held >= 6; held -= 6) out += alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0) out += alphabet[bits << (6 - held) & 63];
    return out;
}

Result<std::string> base64_decode(std::string_view text) {
    const Error bad{Errc::invalid, "not base64", "", "use the characters of RFC 4648, padding at most at the end"};
    const std::size_t whole = text.size();
    while (!text.empty() && text.back() == '=' && whole - text.size() < 2) text.remove_suffix(1);
    const bool padded = text.size() != whole;
    if (text.size() % 4 == 1 || (padded && whole % 4 != 0)) return bad;
    std::string out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const int value = sextet(c);
        if (value < 0) return bad;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>(bits >> held & 0xff);
        }
    }
    if ((bits & ((1u << held) - 1)) != 0) return bad;  // two texts must not mean the same bytes
    return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string random_bytes(std::size_t count) {
    std::string out(count, '\0');
    must(RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), length_of(out)) == 1);
    return out;
}

std::string uuid_of(std::string_view name) {
    auto digest = sha256(name);
    digest[6] = static_cast<std::uint8_t>((digest[6] & 0x0f) | 0x80);  // version 8
    digest[8] = static_cast<std::uint8_t>((digest[8] & 0x3f) | 0x80);  // variant of RFC 9562
    std::string out = hex(view(digest).substr(0, 16));
    for (const std::size_t dash : {20u, 16u, 12u, 8u}) out.insert(dash, 1, '-');
    return out;
}

struct Sha256::Impl {
    Owned<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
    must(impl_->context && EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;

void Sha256::update(std::string_view data) {
    must(EVP_DigestUpdate(impl_->context.get(), data.data(), data.size()) == 1);
}

std::array<std::uint8_t, 32> Sha256::finish() {
    std::array<std::uint8_t, 32> digest = {};
    must(EVP_DigestFinal_ex(impl_->context.get(), digest.data(), nullptr) == 1);
    must(EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr) == 1);
    return digest;
}

Result<Sealer> Sealer::make(const Secret& key) {
    Sealer sealer;
    const std::string& text = key.reveal();
    if (text.size() == key_size) {
        sealer.key_ = key;
    } else if (text.size() == 2 * key_size) {
        sealer.key_ = from_hex(text);
    } else if (auto decoded = base64_decode(text)) {
        sealer.key_ = Secret(*std::move(decoded));
    }
    if (sealer.key_.reveal().size() != key_size) {
        return Error{
            Errc::invalid, "the sealing key is not 32 bytes", "",
            "use 32 random bytes, raw or as 64 hexadecimal digits or base64, e.g. from `openssl rand -hex 32`"};
    }
    return sealer;
}

std::string Sealer::seal(std::string_view plain, std::string_view bound) const {
    must(key_.reveal().size() == key_size);
    std::string out = random_bytes(nonce_size);
    out.resize(nonce_size + plain.size() + tag_size);
    auto* const bytes = reinterpret_cast<unsigned char*>(out.data());
    const Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context(EVP_CIPHER_CTX_new());
    int written = 0;
    must(context &&
         EVP_EncryptInit_ex2(context.get(), EVP_aes_256_gcm(), bytes_of(key_.reveal()), bytes, nullptr) == 1);
    if (!bound.empty()) {
        must(EVP_EncryptUpdate(context.get(), nullptr, &written, bytes_of(bound), length_of(bound)) == 1);
    }
    if (!plain.empty()) {
        must(EVP_EncryptUpdate(context.get(), bytes + nonce_size, &written, bytes_of(plain), length_of(plain)) == 1);
    }
    unsigned char* const tag = bytes + nonce_size + plain.size();
    must(EVP_EncryptFinal_ex(context.get(), tag, &written) == 1);
    must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_size, tag) == 1);
    return out;
}

Result<std::string> Sealer::open(std::string_view sealed, std::string_view bound) const {
    must(key_.reveal().size() == key_size);
    const Error refused{Errc::refused, "sealed data does not open", "",
                        "use the key it was sealed with; if that is the one, the data was altered or cut"};
    if (sealed.size() < nonce_size + tag_size) return refused;
    const std::string_view nonce = sealed.substr(0, nonce_size);
    const std::string_view cipher = sealed.substr(nonce_size, sealed.size() - nonce_size - tag_size);
    std::string tag(sealed.substr(sealed.size() - tag_size));
    std::string plain(cipher.size(), '\0');
    const Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context(EVP_CIPHER_CTX_new());
    int written = 0;
    must(context &&
         EVP_DecryptInit_ex2(context.get(), EVP_aes_256_gcm(), bytes_of(key_.reveal()), bytes_of(nonce), nullptr) == 1);
    if (!bound.empty()) {
        must(EVP_DecryptUpdate(context.get(), nullptr, &written, bytes_of(bound), length_of(bound)) == 1);
    }
    auto* const out = reinterpret_cast<unsigned char*>(plain.data());
    if (!cipher.empty()) {
        must(EVP_DecryptUpdate(context.get(), out, &written, bytes_of(cipher), length_of(cipher)) == 1);
    }
    must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) == 1);
    if (EVP_DecryptFinal_ex(context.get(), out + plain.size(), &written) != 1) {
        forget_openssl_errors();
        OPENSSL_cleanse(plain.data(), plain.size());
        return refused;
    }
    return plain;
}

}  // namespace tidegate::net
