#include "channel/alimtalk_form.hpp"

#include "channel/json_text.hpp"

namespace tidegate::channel {
namespace {

// Source: NHN Cloud, "Alimtalk API v2.3": 1,300 characters and 40 variables.
constexpr std::size_t longest_value = 1300, most_variables = 40;

std::size_t characters(std::string_view text) {
    std::size_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    return count;
}

Error unfit(std::string what, std::string hint) {
    return {Errc::refused, std::move(what), {}, std::move(hint)};
}

}  // namespace

std::string bare_variable(std::string_view name) {
    if (name.starts_with("#{") && name.ends_with('}')) name = name.substr(2, name.size() - 3);
    return std::string(name);
}

std::string without_slash(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    return url;
}

std::string url_encoded(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += digits[static_cast<unsigned char>(c) >> 4U];
            out += digits[static_cast<unsigned char>(c) & 0xFU];
        }
    }
    return out;
}

Error unreadable_reports(const net::HttpResponse& response, const std::string& code, const Secret& secret) {
    const std::string_view hidden[] = {secret.reveal()};
    return {Errc::unavailable,
            "the vendor gave no reports: status " + std::to_string(response.status) +
                (code.empty() ? std::string() : ", " + scrub(code, hidden, 64)),
            {},
            "ask again later; see the vendor's console if it stays so"};
}

Result<void> check_alimtalk(const RenderedMessage& message) {
    if (message.template_id.empty()) {
        return unfit("no template is named", "name the approved one with [message] template");
    }
    if (message.variables.size() > most_variables) {
        return unfit("more than 40 variables", "a template holds no more");
    }
    for (const auto& [name, value] : message.variables) {
        if (bare_variable(name).empty()) return unfit("a variable without a name", "name it as the template does");
        if (characters(value) > longest_value) {
            return unfit("the variable \"" + name + "\" has more than 1,300 characters", "shorten it");
        }
    }
    return {};
}

Result<void> check_phone(const std::string& address) {
    if (phone_number(address)) return {};
    return Error{Errc::invalid, "not a Korean telephone number", {}, "e.g. 01012345678 or +82 10-1234-5678"};
}

}  // namespace tidegate::channel
