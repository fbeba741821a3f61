#pragma once

#include <functional>

#include "channel/vendor.hpp"
#include "tidegate/channel/options.hpp"

namespace tidegate::channel {

/// Makes salts; an argument, so that a test can know the signature.
using Salt = std::function<std::string()>;

/// The header that signs a request: key, date, salt, and HMAC-SHA256 of date and salt. Each is good once.
std::string solapi_authorization(const SolapiAccount& account, WallTime now, std::string_view salt);

/// Alimtalk and SMS at Solapi, by its group flow: a group is made, filled, and only then sent. Whatever goes wrong
/// before the last step has reached nobody; after a lost answer to the last step the group itself is asked.
class SolapiProtocol final : public VendorProtocol {
  public:
    SolapiProtocol(const ChannelOptions& options, const AlimtalkOptions& alimtalk, const SolapiAccount& account,
                   Salt salt);
    SolapiProtocol(const ChannelOptions& options, const SmsOptions& sms, const SolapiAccount& account, Salt salt);

    std::size_t batch_limit() const override { return 10'000; }
    Result<void> check(const Attempt& attempt) const override;
    std::string shared_part(const Attempt&) const override { return {}; }
    std::unique_ptr<Conversation> converse(std::vector<Attempt> batch) const override;
    net::HttpRequest ask_reports(const std::string& request, const std::string& page, WallTime now) const override;
    Result<ReportPage> read_reports(const net::HttpResponse& response, const std::string& page) const override;
    Result<std::vector<VendorReport>> hear_reports(Headers headers, std::string_view body) const override;

    /// A signed request to one of the API's paths.
    net::HttpRequest request(std::string method, const std::string& path, std::string body, WallTime now) const;
    /// The document that fills a group.
    std::string messages(std::span<const Attempt> batch) const;
    /// What signs; nothing kept may quote it.
    const Secret& secret() const { return account_.api_secret; }

  private:
    void append_message(std::string& out, const Attempt& attempt) const;

    const bool alimtalk_;
    const std::string sender_;
    const SolapiAccount account_;
    const Duration timeout_;
    const Salt salt_;
};

}  // namespace tidegate::channel
