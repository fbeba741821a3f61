#pragma once

#include "channel/vendor.hpp"
#include "tidegate/channel/options.hpp"

namespace tidegate::channel {

/// Alimtalk at NHN Cloud KakaoTalk Bizmessage v2.3: one request for up to 1,000 recipients of one template, with a key
/// under which a repeat within ten minutes is refused. After a lost answer the same request is asked once more: its
/// refusal (-1005) says that the first one had arrived.
class NhnAlimtalkProtocol final : public VendorProtocol {
  public:
    NhnAlimtalkProtocol(const ChannelOptions& options, const AlimtalkOptions& alimtalk, const NhnAccount& account);

    std::size_t batch_limit() const override { return 1000; }
    Result<void> check(const Attempt& attempt) const override;
    std::string shared_part(const Attempt& attempt) const override { return attempt.message.template_id; }
    std::unique_ptr<Conversation> converse(std::vector<Attempt> batch) const override;
    net::HttpRequest ask_reports(const std::string& request, const std::string& page, WallTime now) const override;
    Result<ReportPage> read_reports(const net::HttpResponse& response, const std::string& page) const override;
    Result<std::vector<VendorReport>> hear_reports(Headers headers, std::string_view body) const override;
    net::HttpRequest request(std::span<const Attempt> batch) const;

  private:
    const std::string sender_, url_;
    const Secret secret_, report_secret_;
    const Duration timeout_;
};

/// SMS and LMS at NHN Cloud SMS v3.0: up to 1,000 recipients of one text; advertisements have paths of their own. There
/// is no idempotency key, so a lost answer stays in doubt.
class NhnSmsProtocol final : public VendorProtocol {
  public:
    NhnSmsProtocol(const ChannelOptions& options, const SmsOptions& sms, const NhnAccount& account);

    std::size_t batch_limit() const override { return 1000; }
    Result<void> check(const Attempt& attempt) const override;
    /// SMS and LMS are listed apart: first the one kind is asked for, then the other.
    net::HttpRequest ask_reports(const std::string& request, const std::string& page, WallTime now) const override;
    Result<ReportPage> read_reports(const net::HttpResponse& response, const std::string& page) const override;
    Result<std::vector<VendorReport>> hear_reports(Headers headers, std::string_view body) const override;
    /// The text is the request's, not the recipient's: who is addressed by name has a request of his own.
    std::string shared_part(const Attempt& attempt) const override;
    std::unique_ptr<Conversation> converse(std::vector<Attempt> batch) const override;
    net::HttpRequest request(std::span<const Attempt> batch) const;

  private:
    const std::string sender_, url_;
    const Secret secret_, report_secret_;
    const Duration timeout_;
};

/// The vendor's own addresses.
inline constexpr std::string_view nhn_alimtalk_url = "https://kakaotalk-bizmessage.api.nhncloudservice.com";
inline constexpr std::string_view nhn_sms_url = "https://sms.api.nhncloudservice.com";

}  // namespace tidegate::channel
