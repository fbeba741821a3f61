#include <algorithm>

#include "korea.hpp"

namespace twin {

namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::size_t kPerRequest = 1000;

HttpReply said(int code, const char* message, json more = json::object()) {
    more["header"] = {{"resultCode", code}, {"resultMessage", message}, {"isSuccessful", code == 0}};
    return {200, more.dump(), "application/json;charset=UTF-8", {}};
}

std::string text_of(const json& object, std::string_view name) {
    if (!object.is_object()) return {};
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Everybody failed: the vendor says so for the whole request.
bool nobody(const json& results) {
    return std::all_of(results.begin(), results.end(), [](const json& one) { return one["resultCode"] != 0; });
}

}  // namespace

NhnEndpoint::NhnEndpoint(Loop& loop, std::uint16_t port, Mailbox& mailbox, KoreaOptions options)
    : mailbox_(mailbox),
      options_(std::move(options)),
      server_(loop, port, [this](HttpServer::Ticket ticket, const HttpRequest& request) { handle(ticket, request); }) {}

void NhnEndpoint::handle(HttpServer::Ticket ticket, const HttpRequest& request) {
    std::optional<HttpReply> reply;
    try {
        reply = route(request);
    } catch (const json::exception&) {
        reply = said(-2000, "a field is of another type");
    }
    if (reply) server_.answer(ticket, *reply);
}

std::optional<HttpReply> NhnEndpoint::route(const HttpRequest& request) {
    if (mailbox_.dead() == "nhn") return HttpReply{503, "{}", "application/json", {}};
    if (request.header("x-secret-key") != options_.secret) return said(-1001, "the secret key is not the appkey's");
    const auto path = request.path();
    const bool of_sms = path.starts_with("/sms/v3.0/appKeys/");
    if (!of_sms && !path.starts_with("/alimtalk/v2.3/appkeys/")) return HttpReply{404, "{}", "application/json", {}};
    if (request.method == "GET") return results(request, of_sms);
    if (request.method != "POST") return HttpReply{405, "{}", "application/json", {}};
    const json body = json::parse(request.body, nullptr, false);
    const json recipients = body.is_object() ? body.value("recipientList", json()) : json();
    if (!recipients.is_array() || recipients.empty()) return said(of_sms ? -2014 : -2000, "there are no recipients");
    if (recipients.size() > kPerRequest) return said(of_sms ? -2016 : -2004, "more than 1,000 recipients");
    if (!of_sms && path.ends_with("/messages")) return alimtalk(request, body);
    for (const std::string_view way : {"/sender/ad-sms", "/sender/ad-mms", "/sender/sms", "/sender/mms"}) {
        if (of_sms && path.ends_with(way)) return sms(body, way.substr(8));
    }
    return HttpReply{404, "{}", "application/json", {}};
}

std::optional<HttpReply> NhnEndpoint::alimtalk(const HttpRequest& request, const json& body) {
    if (text_of(body, "senderKey").size() != 40) return said(-2017, "no such sender profile");
    const std::string code = text_of(body, "templateCode");
    if (code.empty() || code.starts_with("gone")) return said(-3003, "no such template");
    std::erase_if(keys_, [](const auto& used) { return Loop::now() - used.second > 10min; });
    const std::string key(request.header("x-nc-api-idempotency-key"));
    if (!key.empty() && keys_.contains(key)) return said(-1005, "the key has been used");
    const auto broken = disturbance(mailbox_);
    if (broken && !broken->taken) return broken->reply;
    if (!key.empty()) keys_.emplace(key, Loop::now());
    const std::string id = "twin" + std::to_string(++count_);
    const json results = take(body["recipientList"], id, "nhn", "ATA", -5000);
    if (broken) return broken->reply;
    return said(nobody(results) ? -1031 : 0, "SUCCESS", {{"message", {{"requestId", id}, {"sendResults", results}}}});
}

std::optional<HttpReply> NhnEndpoint::sms(const json& body, std::string_view way) {
    const std::string text = text_of(body, "body");
    const bool advertising = way.starts_with("ad-"), lms = way.ends_with("mms");
    if (text_of(body, "sendNo").empty()) return said(-2312, "the sender number is not registered");
    if (text.empty()) return said(-2015, "there is no text");
    if (lms && text_of(body, "title").empty()) return said(-2023, "there is no title");
    const bool labelled = text.starts_with("(광고)") && (text.find("무료수신거부") != std::string::npos ||
                                                         text.find("무료거부") != std::string::npos);
    if (advertising && !labelled) return said(-6003, "an advertisement without label or a free way to refuse");
    const auto broken = disturbance(mailbox_);
    if (broken && !broken->taken) return broken->reply;
    const std::string id = "twin" + std::to_string(++count_);
    const json results = take(body["recipientList"], id, "nhn-sms", lms ? "LMS" : "SMS", -2019);
    if (broken) return broken->reply;
    return said(0, "SUCCESS",
                {{"body", {{"data", {{"requestId", id}, {"statusCode", "2"}, {"sendResultList", results}}}}}});
}

json NhnEndpoint::take(const json& recipients, const std::string& request, std::string_view channel,
                       std::string_view kind, int bad_number) {
    json results = json::array();
    const int answered = mailbox_.fault() == ProviderFault::hang ? 0 : 200;
    for (std::size_t i = 0; i < recipients.size(); ++i) {
        Sent one;
        one.request = request;
        one.sequence = static_cast<int>(i) + 1;
        one.number = text_of(recipients[i], "recipientNo");
        one.mark = text_of(recipients[i], "recipientGroupingKey");
        one.kind = kind;
        one.at = Loop::now();
        one.vendor_id = request + "/" + std::to_string(one.sequence);
        const bool good = subscriber(one.number);
        results.push_back({{"recipientSeq", one.sequence},
                           {"recipientNo", one.number},
                           {"resultCode", good ? 0 : bad_number},
                           {"resultMessage", good ? "SUCCESS" : "the number is wrong"},
                           {"recipientGroupingKey", one.mark}});
        const Message message{channel, one.number, one.vendor_id, one.mark};
        if (!good) {
            mailbox_.refuse(message, 400);
            continue;
        }
        mailbox_.take(message, answered);
        sent_.push_back(std::move(one));
    }
    return results;
}

HttpReply NhnEndpoint::results(const HttpRequest& request, bool of_sms) const {
    const auto at = request.target.find('?');
    const auto query = at == std::string_view::npos ? std::string_view() : request.target.substr(at + 1);
    const std::string wanted = form_value(query, "requestId");
    const bool feed = request.path().ends_with("/message-results");  // of everything that has its result
    const bool lms = request.path().ends_with("/sender/mms");
    if (!feed && wanted.empty()) return said(-2000, "requestId or a range of dates is required");
    json all = json::array();
    for (const Sent& one : sent_) {
        if ((one.kind != "ATA") != of_sms || (!feed && one.request != wanted)) continue;
        if (of_sms && !feed && (one.kind == "LMS") != lms) continue;
        const bool over = tidegate::Seconds(Loop::now() - one.at).count() >= options_.report_after_s;
        if (feed && !over) continue;
        json entry{{"requestId", one.request},         {"recipientSeq", one.sequence}, {"recipientNo", one.number},
                   {"recipientGroupingKey", one.mark}, {"messageStatus", nullptr},     {"resultCode", nullptr},
                   {"resultCodeName", nullptr}};
        if (over) {
            const std::string code = report_code(one, "1000");
            entry["messageStatus"] = code == "1000" ? "COMPLETED" : "FAILED";
            entry["resultCode"] = code;
            entry["resultCodeName"] = code == "1000" ? "성공" : "실패";
        }
        all.push_back(std::move(entry));
    }
    const json count = all.size();
    if (of_sms) return said(0, "SUCCESS", {{"body", {{"totalCount", count}, {"data", all}}}});
    if (feed) return said(0, "SUCCESS", {{"messages", all}, {"totalCount", count}});
    return said(0, "SUCCESS", {{"messageSearchResultResponse", {{"messages", all}, {"totalCount", count}}}});
}

}  // namespace twin
