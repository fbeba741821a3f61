#include "channel/solapi_protocol.hpp"

#include <nlohmann/json.hpp>

#include "channel/alimtalk_form.hpp"
#include "channel/answer.hpp"
#include "channel/json_text.hpp"
#include "channel/vendor_codes.hpp"
#include "net/crypto.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::channel {
namespace {

using nlohmann::json;

constexpr std::string_view groups = "/messages/v4/groups";
constexpr std::string_view reference_field = "tidegate";

std::string text_of(const json& object, std::string_view name) {
    if (!object.is_object()) return {};
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool good(const net::HttpResponse& response) {
    return response.status >= 200 && response.status <= 299;
}

/// One message's result; nothing for what has no mark of ours.
std::optional<VendorReport> report_of(const json& entry, std::string_view reason, const Secret& secret) {
    const json fields = entry.is_object() && entry.contains("customFields") ? entry["customFields"] : json();
    const auto about = parse_reference(text_of(fields, reference_field));
    const std::string code = text_of(entry, "statusCode");
    if (!about || code.empty()) return std::nullopt;
    const std::string number = text_of(entry, "to");
    const std::string_view own[] = {number, secret.reveal()};
    Outcome outcome = outcome_of_code(solapi_codes(), code, text_of(entry, reason), own);
    outcome.phase = Phase::report;
    return VendorReport{*about, std::move(outcome)};
}

class SolapiConversation final : public Conversation {
  public:
    SolapiConversation(const SolapiProtocol& protocol, std::vector<Attempt> batch)
        : protocol_(protocol), batch_(std::move(batch)), outcomes_(batch_.size()), ids_(batch_.size()) {
        for (const Attempt& attempt : batch_) numbers_.push_back(phone_number(attempt.address).value_or(std::string()));
        for (const Attempt& attempt : batch_) hidden_.push_back(attempt.address);
        hidden_.insert(hidden_.end(), numbers_.begin(), numbers_.end());
        hidden_.emplace_back(protocol_.secret().reveal());
    }

    net::HttpRequest open(WallTime now) override { return create(now); }
    std::optional<net::HttpRequest> hear(const net::HttpResult& result, WallTime now) override;
    std::vector<Outcome> outcomes() const override;

  private:
    enum class Step { create, fill, send, look, discard };

    net::HttpRequest create(WallTime now) {
        step_ = Step::create;
        // Two people may share a number, and one number may be two people's: repeats are the ledger's to prevent.
        return protocol_.request("POST", std::string(groups), R"({"allowDuplicates":true})", now);
    }
    net::HttpRequest ask(Step step, std::string method, const std::string& tail, std::string body, WallTime now) {
        step_ = step;
        return protocol_.request(std::move(method), std::string(groups) + "/" + group_ + tail, std::move(body), now);
    }
    net::HttpRequest look(WallTime now) { return ask(Step::look, "GET", "", {}, now); }

    std::optional<net::HttpRequest> after_fill(const json& answer, WallTime now);
    /// Nothing has been sent: whoever is undecided ends so.
    std::nullopt_t end(const Outcome& outcome) {
        for (auto& one : outcomes_) {
            if (!one) one = outcome;
        }
        return std::nullopt;
    }
    std::nullopt_t taken() {
        for (std::size_t i = 0; i < batch_.size(); ++i) {
            if (!outcomes_[i]) outcomes_[i] = accepted(ids_[i]);
        }
        return std::nullopt;
    }
    Outcome unsent(const net::HttpResult& result, std::string_view code, std::string_view text, WallTime now) const {
        if (has_spoken(result, false) && !good(result.response)) {
            Outcome outcome = refused_request(result.response, code, text, hidden_, now);
            if (outcome.kind == OutcomeClass::unknown && step_ != Step::send) {  // nobody has got anything
                outcome.kind = OutcomeClass::transient;
                outcome.min_backoff = std::chrono::seconds(1);
            }
            return outcome;
        }
        // Also a lost answer: before the last step nobody has got anything.
        Outcome outcome = not_sent(scrub(result.error.empty() ? "an answer that says nothing" : result.error, hidden_));
        outcome.min_backoff = std::max<Duration>(outcome.min_backoff, std::chrono::seconds(1));
        return outcome;
    }

    const SolapiProtocol& protocol_;
    const std::vector<Attempt> batch_;
    std::vector<std::string> numbers_;      // as the vendor gets them
    std::vector<std::string_view> hidden_;  // what must not appear in a text kept
    std::vector<std::optional<Outcome>> outcomes_;
    std::vector<std::string> ids_;
    Step step_ = Step::create;
    std::string group_;
    bool resigned_ = false;
    bool looked_again_ = false;
};

std::optional<net::HttpRequest> SolapiConversation::hear(const net::HttpResult& result, WallTime now) {
    const bool spoken = has_spoken(result, false);
    const json answer = spoken ? json::parse(result.response.body, nullptr, false) : json();
    const std::string code = text_of(answer, "errorCode");
    const std::string text = text_of(answer, "errorMessage");
    // The connection broke, somebody below us sent the same bytes again, and the first copy had arrived.
    const bool copy = spoken && result.response.status == 403 && code == "DuplicatedSignature";

    switch (step_) {
        case Step::create:
            if (copy && !resigned_) {
                resigned_ = true;
                return create(now);
            }
            group_ = spoken && good(result.response) ? text_of(answer, "groupId") : std::string();
            if (group_.empty() || group_.find_first_of("/?# ") != std::string::npos ||
                group_ != scrub(group_, hidden_, 64)) {
                return end(copy ? not_sent("the signature had been used") : unsent(result, code, text, now));
            }
            return ask(Step::fill, "PUT", "/messages", protocol_.messages(batch_), now);
        case Step::fill:
            // Filled twice the group would hold everybody twice, so a doubtful one is left behind unsent.
            if (copy)
                return end(not_sent("the group may have been filled by a copy of the request; it was left unsent"));
            if (!spoken || !good(result.response)) return end(unsent(result, code, text, now));
            return after_fill(answer, now);
        case Step::send:
            if (spoken && good(result.response) && !foreign(result.response.body)) return taken();
            if (!spoken && result.transport == net::Transport::not_sent) return end(unsent(result, code, text, now));
            // A time-out or a conflict may be the word of somebody on the way.
            if (spoken && !copy && result.response.status >= 400 && result.response.status <= 499 &&
                result.response.status != 408 && result.response.status != 409) {
                return end(unsent(result, code, text, now));
            }
            return look(now);
        case Step::look: {
            const std::string status = spoken && good(result.response) ? text_of(answer, "status") : std::string();
            if (status == "SENDING" || status == "COMPLETE" || status == "SCHEDULED") return taken();
            // Not sent yet; but the order to send may still be on its way. A deleted group can obey no order.
            if (status == "PENDING") return ask(Step::discard, "DELETE", "", {}, now);
            if (!looked_again_) {
                looked_again_ = true;
                return look(now);
            }
            return end(ambiguous("the group was to be sent and does not tell whether it was"));
        }
        case Step::discard:
            if (spoken && good(result.response) && !foreign(result.response.body)) {
                return end(not_sent("the group had not been sent and was deleted"));
            }
            return end(ambiguous("the group was to be sent and could not be deleted"));
    }
    return std::nullopt;
}

std::optional<net::HttpRequest> SolapiConversation::after_fill(const json& answer, WallTime now) {
    const auto list = answer.is_object() ? answer.find("resultList") : answer.end();
    const bool listed = answer.is_object() && list != answer.end() && list->is_array() && list->size() == batch_.size();
    std::size_t waiting = 0;
    for (std::size_t i = 0; listed && i < batch_.size(); ++i) {
        const json& entry = (*list)[i];
        // The vendor answers in our order; where it repeats our own mark or number, that must agree.
        const json& fields = entry.is_object() && entry.contains("customFields") ? entry["customFields"] : json();
        const std::string mark = text_of(fields, reference_field);
        const std::string to = text_of(entry, "to");
        const bool same =
            (mark.empty() || mark == reference_of(batch_[i])) && (to.empty() || phone_number(to) == numbers_[i]);
        const std::string code = text_of(entry, "statusCode");
        if (!same || code.empty()) return end(not_sent("the vendor's results are not about those we sent"));
        const std::string_view own[] = {batch_[i].address, numbers_[i], protocol_.secret().reveal()};
        Outcome outcome = outcome_of_code(solapi_codes(), code, text_of(entry, "statusMessage"), own);
        outcome.http_status = 200;
        ids_[i] = group_ + "/" + scrub(text_of(entry, "messageId"), own, 64);  // reports are asked for by group
        outcome.provider_id = ids_[i];
        if (outcome.kind == OutcomeClass::accepted && outcome.reason == Reason::queued) {
            ++waiting;
        } else {
            outcomes_[i] = std::move(outcome);
        }
    }
    if (!listed) return end(not_sent("the vendor's list of results is not as long as ours"));
    if (waiting == 0) return std::nullopt;
    return ask(Step::send, "POST", "/send", {}, now);
}

std::vector<Outcome> SolapiConversation::outcomes() const {
    std::vector<Outcome> all;
    // Given up: before the order to send has left nobody has got anything.
    const bool ordered = step_ == Step::look || step_ == Step::discard;
    const Outcome open = ordered ? ambiguous("the group was to be sent, and the channel stopped before it told")
                                 : not_sent("the channel stopped before the group was sent");
    for (const auto& one : outcomes_) all.push_back(one.value_or(open));
    return all;
}

}  // namespace

std::string solapi_authorization(const SolapiAccount& account, WallTime now, std::string_view salt) {
    const std::string date = format_wall_time(now);
    const auto mac = net::hmac_sha256(account.api_secret.reveal(), date + std::string(salt));
    return "HMAC-SHA256 apiKey=" + account.api_key + ", date=" + date + ", salt=" + std::string(salt) +
           ", signature=" + net::hex({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

SolapiProtocol::SolapiProtocol(const ChannelOptions& options, const AlimtalkOptions& alimtalk,
                               const SolapiAccount& account, Salt salt)
    : alimtalk_(true), sender_(alimtalk.sender), account_(account), timeout_(options.timeout), salt_(std::move(salt)) {}

SolapiProtocol::SolapiProtocol(const ChannelOptions& options, const SmsOptions& sms, const SolapiAccount& account,
                               Salt salt)
    : alimtalk_(false), sender_(sms.sender), account_(account), timeout_(options.timeout), salt_(std::move(salt)) {}

Result<void> SolapiProtocol::check(const Attempt& attempt) const {
    if (alimtalk_) {
        if (const auto fit = check_alimtalk(attempt.message); !fit) return fit.error();
        for (const auto& [name, value] : attempt.message.variables) {
            if (name.find('.') == std::string::npos) continue;
            return Error{Errc::refused, "the variable \"" + name + "\" has a dot in its name", {}, "Solapi takes none"};
        }
    } else if (const auto text = short_message(attempt.message); !text) {
        return text.error();
    }
    return check_phone(attempt.address);
}

net::HttpRequest SolapiProtocol::request(std::string method, const std::string& path, std::string body,
                                         WallTime now) const {
    net::HttpRequest request;
    request.method = std::move(method);
    request.url = without_slash(account_.url) + path;
    request.headers = {{"Authorization", solapi_authorization(account_, now, salt_())},
                       {"Content-Type", "application/json; charset=utf-8"}};
    request.body = std::move(body);
    request.timeout = timeout_;
    request.max_response = vendor_answer_bytes;
    return request;
}

std::string SolapiProtocol::messages(std::span<const Attempt> batch) const {
    std::string out = R"({"messages":[)";
    for (const Attempt& attempt : batch) {
        if (out.back() == '}') out += ',';
        append_message(out, attempt);
    }
    return out += "]}";
}

void SolapiProtocol::append_message(std::string& out, const Attempt& attempt) const {
    out += R"({"to":)";
    append_json_string(out, phone_number(attempt.address).value_or(std::string()));
    if (alimtalk_) {
        out += R"(,"type":"ATA","kakaoOptions":{"pfId":)";
        append_json_string(out, sender_);
        out += R"(,"templateId":)";
        append_json_string(out, attempt.message.template_id);
        out += R"(,"disableSms":true,"variables":{)";
        for (const auto& [name, value] : attempt.message.variables) {
            if (out.back() != '{') out += ',';
            append_json_string(out, "#{" + bare_variable(name) + "}");
            out += ':';
            append_json_string(out, value);
        }
        out += "}}";
    } else if (const auto text = short_message(attempt.message); text) {
        out += R"(,"from":)";
        append_json_string(out, sender_);
        out += text->lms ? R"(,"type":"LMS")" : R"(,"type":"SMS")";
        if (!text->title.empty()) {
            out += R"(,"subject":)";
            append_json_string(out, text->title);
        }
        out += R"(,"text":)";
        append_json_string(out, text->body);
        out += R"(,"autoTypeDetect":false)";
    }
    out += R"(,"customFields":{")" + std::string(reference_field) + R"(":)";
    append_json_string(out, reference_of(attempt));
    out += "}}";
}

net::HttpRequest SolapiProtocol::ask_reports(const std::string& group, const std::string& page, WallTime now) const {
    std::string path = "/messages/v4/list?limit=500&groupId=" + url_encoded(group);
    if (!page.empty()) path += "&startKey=" + url_encoded(page);
    return request("GET", path, {}, now);
}

Result<ReportPage> SolapiProtocol::read_reports(const net::HttpResponse& response, const std::string&) const {
    const json document = json::parse(response.body, nullptr, false);
    const json list = good(response) && document.is_object() ? document.value("messageList", json()) : json();
    if (!list.is_object()) return unreadable_reports(response, text_of(document, "errorCode"), account_.api_secret);
    ReportPage page;
    for (const auto& [id, entry] : list.items()) {
        if (auto report = report_of(entry, "reason", account_.api_secret)) page.reports.push_back(std::move(*report));
    }
    page.next = text_of(document, "nextKey");
    return page;
}

Result<std::vector<VendorReport>> SolapiProtocol::hear_reports(Headers headers, std::string_view body) const {
    const Secret& secret = account_.report_secret;
    const auto theirs = check_report_secret(secret, net::sha1_hex(secret.reveal()), headers, {"X-Solapi-Secret"});
    if (!theirs) return theirs.error();
    const json document = json::parse(body, nullptr, false);
    if (!document.is_array()) return no_report();
    std::vector<VendorReport> reports;
    for (const json& entry : document) {
        if (!entry.is_object()) return no_report();
        if (auto report = report_of(entry, "statusMessage", account_.api_secret)) reports.push_back(std::move(*report));
    }
    return reports;
}

std::unique_ptr<Conversation> SolapiProtocol::converse(std::vector<Attempt> batch) const {
    return std::make_unique<SolapiConversation>(*this, std::move(batch));
}

}  // namespace tidegate::channel
