#include "channel/nhn_protocol.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "channel/alimtalk_form.hpp"
#include "channel/answer.hpp"
#include "channel/json_text.hpp"
#include "channel/vendor_codes.hpp"
#include "net/crypto.hpp"

namespace tidegate::channel {
namespace {

using nlohmann::json;

/// One of the vendor's forms of answer: where the recipients' results stand, and which table they are from.
struct AnswerForm {
    CodeTable codes;
    const char* results;  ///< JSON Pointer
    const char* request;  ///< JSON Pointer to the request's id
    bool keyed;           ///< a repeat is refused by its key
};

/// Numbers and texts alike: the vendor writes codes as either.
std::string word(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
    return {};
}

std::string word(const json& object, const char* name) {
    if (!object.is_object()) return {};
    const auto found = object.find(name);
    return found == object.end() ? std::string() : word(*found);
}

class NhnConversation final : public Conversation {
  public:
    NhnConversation(net::HttpRequest request, std::vector<Attempt> batch, AnswerForm form, Secret secret)
        : request_(std::move(request)),
          batch_(std::move(batch)),
          form_(form),
          secret_(std::move(secret)),
          outcomes_(batch_.size(), ambiguous("the answer was lost, and the channel stopped before it asked again")) {
        for (const Attempt& attempt : batch_) numbers_.push_back(phone_number(attempt.address).value_or(std::string()));
        for (const Attempt& attempt : batch_) hidden_.push_back(attempt.address);
        hidden_.insert(hidden_.end(), numbers_.begin(), numbers_.end());
        hidden_.emplace_back(secret_.reveal());
    }

    net::HttpRequest open(WallTime) override { return request_; }
    std::optional<net::HttpRequest> hear(const net::HttpResult& result, WallTime now) override;
    std::vector<Outcome> outcomes() const override { return outcomes_; }

  private:
    std::nullopt_t all(const Outcome& outcome) {
        outcomes_.assign(batch_.size(), outcome);
        return std::nullopt;
    }
    /// Asks the same again where the key makes that harmless; else nobody knows.
    std::optional<net::HttpRequest> doubt(const Outcome& otherwise) {
        if (form_.keyed && !repeated_) {
            repeated_ = true;
            return request_;
        }
        return all(otherwise);
    }
    void each(const json& document);

    const net::HttpRequest request_;
    const std::vector<Attempt> batch_;
    const AnswerForm form_;
    const Secret secret_;
    std::vector<std::string> numbers_;
    std::vector<std::string_view> hidden_;  // what must not appear in a text kept
    std::vector<Outcome> outcomes_;
    bool repeated_ = false;
};

std::optional<net::HttpRequest> NhnConversation::hear(const net::HttpResult& result, WallTime now) {
    if (!has_spoken(result, false)) {
        if (result.transport == net::Transport::ambiguous) return doubt(transport_outcome(result, hidden_));
        // The first copy is still in doubt when the second could not leave.
        return all(repeated_ ? ambiguous("the answer was lost, and asking again did not reach the vendor")
                             : transport_outcome(result, hidden_));
    }
    const net::HttpResponse& response = result.response;
    const json document = json::parse(response.body, nullptr, false);
    const json header = document.is_object() && document.contains("header") ? document["header"] : json();
    const std::string code = word(header, "resultCode");
    if (code.empty()) {
        if (response.status >= 200 && response.status <= 299)
            return doubt(ambiguous("the answer cannot be understood"));
        // Enough of a page that is nobody's answer; all of it would be searched for every number.
        const std::string_view words = std::string_view(response.body).substr(0, 1000);
        Outcome outcome = refused_request(response, {}, words, hidden_, now);
        if (outcome.kind != OutcomeClass::transient) return all(outcome);
        outcome.reconcile = true;  // a gateway's word: the product behind it may have taken the request
        return doubt(outcome);
    }
    if (code == "0" || code == "-1031") {  // -1031: everybody failed, each for his own reason
        each(document);
        return std::nullopt;
    }
    Outcome outcome = outcome_of_code(form_.codes, code, word(header, "resultMessage"), hidden_);
    outcome.http_status = response.status;
    if (outcome.kind == OutcomeClass::transient) outcome.min_backoff = std::chrono::seconds(1);
    if (outcome.reconcile && outcome.kind == OutcomeClass::transient) return doubt(outcome);
    return all(outcome);
}

void NhnConversation::each(const json& document) {
    const json::json_pointer at(form_.results);
    const json list = document.contains(at) ? document.at(at) : json::array();
    const json::json_pointer id_at(form_.request);
    const std::string_view secret[] = {secret_.reveal()};
    const std::string id = document.contains(id_at) ? scrub(word(document.at(id_at)), secret, 64) : std::string();
    for (Outcome& outcome : outcomes_) {
        outcome = Outcome{};
        outcome.text = "the vendor's answer has no word about this recipient";
    }
    std::unordered_map<std::string, std::size_t> by_mark;
    for (std::size_t i = 0; i < batch_.size(); ++i) by_mark.emplace(reference_of(batch_[i]), i);
    for (std::size_t place = 0; list.is_array() && place < list.size(); ++place) {
        const json& entry = list[place];
        // The mark decides; without one the vendor's order, as long as the number agrees.
        const std::string mark = word(entry, "recipientGroupingKey");
        const auto marked = by_mark.find(mark);
        if (!mark.empty() && marked == by_mark.end()) continue;
        const std::size_t index = mark.empty() ? place : marked->second;
        if (index >= batch_.size()) continue;
        const std::string number = word(entry, "recipientNo");
        if (mark.empty() && !number.empty() && phone_number(number) != numbers_[index]) continue;
        const std::string_view own[] = {batch_[index].address, numbers_[index], secret_.reveal()};
        const std::string code = word(entry, "resultCode");
        if (code.empty()) continue;
        Outcome outcome = outcome_of_code(form_.codes, code, word(entry, "resultMessage"), own);
        outcome.http_status = 200;
        const std::string sequence = word(entry, "recipientSeq");
        if (!id.empty() && !sequence.empty()) outcome.provider_id = id + "/" + scrub(sequence, secret, 20);
        outcomes_[index] = std::move(outcome);
    }
}

net::HttpRequest post(const std::string& url, const Secret& secret, std::string body, Duration timeout) {
    net::HttpRequest request;
    request.url = url;
    request.headers = {{"Content-Type", "application/json;charset=UTF-8"}, {"X-Secret-Key", secret.reveal()}};
    request.body = std::move(body);
    request.timeout = timeout;
    request.max_response = vendor_answer_bytes;
    return request;
}

void append_recipient(std::string& out, const Attempt& attempt) {
    out += R"({"recipientNo":)";
    append_json_string(out, phone_number(attempt.address).value_or(std::string()));
    out += R"(,"recipientGroupingKey":)";
    append_json_string(out, reference_of(attempt));
}

net::HttpRequest get(const std::string& url, const Secret& secret, Duration timeout) {
    net::HttpRequest request = post(url, secret, {}, timeout);
    request.method = "GET";
    return request;
}

constexpr std::size_t page_size = 1000;

int page_number(std::string_view text) {
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return std::max(value, 1);
}

/// One message's result; nothing without our mark, or without a code: it has none yet.
std::optional<VendorReport> report_of(const json& entry, CodeTable codes, const Secret& secret) {
    const auto about = parse_reference(word(entry, "recipientGroupingKey"));
    const std::string result = word(entry, "resultCode");
    if (!about || result.empty()) return std::nullopt;
    const std::string number = word(entry, "recipientNo");
    const std::string_view own[] = {number, secret.reveal()};
    Outcome outcome = outcome_of_code(codes, result, word(entry, "resultCodeName"), own);
    outcome.phase = Phase::report;
    return VendorReport{*about, std::move(outcome)};
}

/// What NHN's webhook posts. The coarse code for success is as good as the fine one; the one for failure says no
/// reason, and without a reason nothing may go on, so that it is left to be asked for.
Result<std::vector<VendorReport>> heard(const Secret& secret, CodeTable codes, Headers headers, std::string_view body) {
    const auto theirs =
        check_report_secret(secret, secret.reveal(), headers, {"X-Toast-Webhook-Signature", "X-Nhn-Webhook-Signature"});
    if (!theirs) return theirs.error();
    const json document = json::parse(body, nullptr, false);
    if (!document.is_object()) return no_report();
    if (word(document, "event") != "MESSAGE_RESULT_UPDATE") return std::vector<VendorReport>{};
    const auto hooks = document.find("hooks");
    if (hooks == document.end() || !hooks->is_array()) return no_report();
    std::vector<VendorReport> reports;
    for (json entry : *hooks) {
        if (!entry.is_object()) return no_report();
        const std::string code = word(entry, "resultCode");
        if (code == "MRC02") continue;
        if (code == "MRC01") entry["resultCode"] = "1000";
        if (auto report = report_of(entry, codes, secret)) reports.push_back(std::move(*report));
    }
    return reports;
}

/// Reads one page of results; a message without a code has none yet. `more` tells whether a further page may follow.
Result<ReportPage> read_page(const net::HttpResponse& response, const char* list_at, CodeTable codes,
                             const Secret& secret, bool& more) {
    const json document = json::parse(response.body, nullptr, false);
    const json header = document.is_object() && document.contains("header") ? document["header"] : json();
    const std::string code = word(header, "resultCode");
    if (code != "0") return unreadable_reports(response, code, secret);
    const json::json_pointer at(list_at);
    const json list = document.contains(at) ? document.at(at) : json::array();
    ReportPage page;
    more = list.is_array() && list.size() >= page_size;
    for (std::size_t i = 0; list.is_array() && i < list.size(); ++i) {
        if (auto report = report_of(list[i], codes, secret)) page.reports.push_back(std::move(*report));
    }
    return page;
}

std::string base_url(const NhnAccount& account, std::string_view own) {
    return without_slash(account.url.empty() ? std::string(own) : account.url);
}

}  // namespace

NhnAlimtalkProtocol::NhnAlimtalkProtocol(const ChannelOptions& options, const AlimtalkOptions& alimtalk,
                                         const NhnAccount& account)
    : sender_(alimtalk.sender),
      url_(base_url(account, nhn_alimtalk_url) + "/alimtalk/v2.3/appkeys/" + account.app_key + "/messages"),
      secret_(account.secret_key),
      report_secret_(account.report_secret),
      timeout_(options.timeout) {}

Result<void> NhnAlimtalkProtocol::check(const Attempt& attempt) const {
    if (const auto fit = check_alimtalk(attempt.message); !fit) return fit.error();
    if (attempt.message.template_id.size() > 20) {
        return Error{Errc::refused, "a template code of more than 20 characters", {}, "copy it from the console"};
    }
    return check_phone(attempt.address);
}

net::HttpRequest NhnAlimtalkProtocol::request(std::span<const Attempt> batch) const {
    std::string body = R"({"senderKey":)";
    append_json_string(body, sender_);
    body += R"(,"templateCode":)";
    append_json_string(body, batch.front().message.template_id);
    body += R"(,"senderGroupingKey":"tg-)" + campaign_mark(batch.front().campaign) + R"(","recipientList":[)";
    std::string marks;
    for (const Attempt& attempt : batch) {
        if (body.back() == '}') body += ',';
        append_recipient(body, attempt);
        body += R"(,"templateParameter":{)";
        for (const auto& [name, value] : attempt.message.variables) {
            if (body.back() != '{') body += ',';
            append_json_string(body, bare_variable(name));
            body += ':';
            append_json_string(body, value);
        }
        // Said for each, because the console may have switched the vendor's fall-back on for the whole profile.
        body += R"(},"resendParameter":{"isResend":false}})";
        marks += reference_of(attempt) + '\n';
    }
    body += "]}";
    net::HttpRequest request = post(url_, secret_, std::move(body), timeout_);
    request.headers.emplace_back("X-NC-API-IDEMPOTENCY-KEY", net::uuid_of("tidegate nhn\n" + marks));
    return request;
}

std::unique_ptr<Conversation> NhnAlimtalkProtocol::converse(std::vector<Attempt> batch) const {
    net::HttpRequest first = request(batch);
    return std::make_unique<NhnConversation>(
        std::move(first), std::move(batch),
        AnswerForm{nhn_alimtalk_codes(), "/message/sendResults", "/message/requestId", true}, secret_);
}

net::HttpRequest NhnAlimtalkProtocol::ask_reports(const std::string& request, const std::string& page, WallTime) const {
    return get(url_ + "?requestId=" + url_encoded(request) + "&pageSize=" + std::to_string(page_size) +
                   "&pageNum=" + std::to_string(page_number(page)),
               secret_, timeout_);
}

Result<ReportPage> NhnAlimtalkProtocol::read_reports(const net::HttpResponse& response, const std::string& page) const {
    bool more = false;
    auto read = read_page(response, "/messageSearchResultResponse/messages", kakao_codes(), secret_, more);
    if (read && more) read->next = std::to_string(page_number(page) + 1);
    return read;
}

Result<std::vector<VendorReport>> NhnAlimtalkProtocol::hear_reports(Headers headers, std::string_view body) const {
    return heard(report_secret_, kakao_codes(), headers, body);
}

NhnSmsProtocol::NhnSmsProtocol(const ChannelOptions& options, const SmsOptions& sms, const NhnAccount& account)
    : sender_(sms.sender),
      url_(base_url(account, nhn_sms_url) + "/sms/v3.0/appKeys/" + account.app_key + "/sender/"),
      secret_(account.secret_key),
      report_secret_(account.report_secret),
      timeout_(options.timeout) {}

Result<void> NhnSmsProtocol::check(const Attempt& attempt) const {
    const auto text = short_message(attempt.message);
    if (!text) return text.error();
    if (text->lms && text->title.empty()) {
        return Error{Errc::refused,
                     "the text makes an LMS, and NHN sends none without a title",
                     {},
                     "write [message] title, or keep the text to 90 bytes"};
    }
    return check_phone(attempt.address);
}

std::string NhnSmsProtocol::shared_part(const Attempt& attempt) const {
    std::string part = attempt.purpose == Purpose::advertising ? "ad\n" : "\n";
    if (const auto text = short_message(attempt.message); text) part += text->title + '\n' + text->body;
    return part;
}

net::HttpRequest NhnSmsProtocol::request(std::span<const Attempt> batch) const {
    const Attempt& first = batch.front();
    const ShortMessage text = short_message(first.message).value_or(ShortMessage{});
    std::string body = R"({"body":)";
    append_json_string(body, text.body);
    if (text.lms) {
        body += R"(,"title":)";
        append_json_string(body, text.title);
    }
    body += R"(,"sendNo":)";
    append_json_string(body, sender_);
    body += R"(,"senderGroupingKey":"tg-)" + campaign_mark(first.campaign) + R"(","recipientList":[)";
    for (const Attempt& attempt : batch) {
        if (body.back() == '}') body += ',';
        append_recipient(body, attempt);
        body += '}';
    }
    body += "]}";
    const std::string way =
        std::string(first.purpose == Purpose::advertising ? "ad-" : "") + (text.lms ? "mms" : "sms");
    return post(url_ + way, secret_, std::move(body), timeout_);
}

net::HttpRequest NhnSmsProtocol::ask_reports(const std::string& request, const std::string& page, WallTime) const {
    const bool lms = page.starts_with("mms");
    const std::string number = std::to_string(page.size() > 4 ? page_number(page.substr(4)) : 1);
    return get(url_ + (lms ? "mms" : "sms") + "?requestId=" + url_encoded(request) +
                   "&pageSize=" + std::to_string(page_size) + "&pageNum=" + number,
               secret_, timeout_);
}

Result<ReportPage> NhnSmsProtocol::read_reports(const net::HttpResponse& response, const std::string& page) const {
    bool more = false;
    auto read = read_page(response, "/body/data", nhn_sms_results(), secret_, more);
    if (!read) return read;
    const std::string kind = page.starts_with("mms") ? "mms" : "sms";
    const int number = page.size() > 4 ? page_number(page.substr(4)) : 1;
    if (more) {
        read->next = kind + ":" + std::to_string(number + 1);
    } else if (kind == "sms") {
        read->next = "mms:1";
    }
    return read;
}

Result<std::vector<VendorReport>> NhnSmsProtocol::hear_reports(Headers headers, std::string_view body) const {
    return heard(report_secret_, nhn_sms_results(), headers, body);
}

std::unique_ptr<Conversation> NhnSmsProtocol::converse(std::vector<Attempt> batch) const {
    net::HttpRequest first = request(batch);
    return std::make_unique<NhnConversation>(
        std::move(first), std::move(batch),
        AnswerForm{nhn_sms_codes(), "/body/data/sendResultList", "/body/data/requestId", false}, secret_);
}

}  // namespace tidegate::channel
