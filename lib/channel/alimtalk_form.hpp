#pragma once

#include <string>
#include <string_view>

#include "channel/vendor.hpp"
#include "tidegate/base/secret.hpp"

namespace tidegate::channel {

/// Longest answer kept: ten thousand recipients with their words.
inline constexpr std::size_t vendor_answer_bytes = std::size_t{8} * 1024 * 1024;

/// Errors: no template, too many variables, a value or a variable's name that no template takes.
Result<void> check_alimtalk(const RenderedMessage& message);
/// Errors: `invalid`: no Korean telephone number.
Result<void> check_phone(const std::string& address);
/// "#{name}" and "name" are the same variable.
std::string bare_variable(std::string_view name);
std::string without_slash(std::string url);
/// As a value in a query: all but letters, digits and "-._~" percent-encoded (RFC 3986 section 2.3).
std::string url_encoded(std::string_view text);
/// Why an answer is no list of reports.
Error unreadable_reports(const net::HttpResponse& response, const std::string& code, const Secret& secret);

}  // namespace tidegate::channel
