#include "audience/identity.hpp"

#include <cstring>

#include "net/crypto.hpp"

namespace tidegate::audience {
namespace {

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Without a plus sign only mobile numbers (01x and 10 or 11 digits) are taken for country code 82: a customer number
/// may begin with 82 as well.
bool is_mobile_without_trunk(std::string_view digits) {
    return (digits.size() == 9 || digits.size() == 10) && digits[0] == '1' &&
           std::string_view("016789").find(digits[1]) != std::string_view::npos;
}

std::string domestic(std::string_view digits) {
    return digits.starts_with('0') ? std::string(digits) : "0" + std::string(digits);
}

}  // namespace

std::string normal_identity(std::string_view identity) {
    const std::string_view text = trim(identity);
    std::string digits;
    bool plus = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_digit(text[i])) {
            digits += text[i];
        } else if (text[i] == '+' && i == 0) {
            plus = true;
        } else if (std::string_view(" -.()").find(text[i]) == std::string_view::npos) {
            return std::string(text);
        }
    }
    const std::string_view all = digits;
    if (plus && all.starts_with("82") && all.size() >= 10 && all.size() <= 15) return domestic(all.substr(2));
    if (plus && all.size() >= 8 && all.size() <= 15) return "+" + digits;
    if (all.starts_with("0082") && all.size() >= 12 && all.size() <= 17) return domestic(all.substr(4));
    if (all.starts_with("82") && is_mobile_without_trunk(all.substr(2))) return domestic(all.substr(2));
    if (all.starts_with('0') && all.size() >= 9 && all.size() <= 12) return digits;
    return std::string(text);
}

Digest digest_of(std::string_view normal) {
    const auto hash = net::sha256(normal);
    Digest digest;
    std::memcpy(&digest.high, hash.data(), 8);
    std::memcpy(&digest.low, hash.data() + 8, 8);
    return digest;
}

}  // namespace tidegate::audience
