#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "korea.hpp"
#include "tidegate/base/text.hpp"

namespace twin {

namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::string_view kGroups = "/messages/v4/groups";
constexpr std::size_t kPerRequest = 10'000;

HttpReply refused(int status, const char* code, const char* message) {
    return {status, json{{"errorCode", code}, {"errorMessage", message}}.dump(), "application/json", {}};
}

HttpReply said(const json& document) {
    return {200, document.dump(), "application/json", {}};
}

std::string text_of(const json& object, std::string_view name) {
    if (!object.is_object()) return {};
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// The value of `name=` in the Authorization header.
std::string_view part(std::string_view header, std::string_view name) {
    const auto at = header.find(std::string(name) + "=");
    if (at == std::string_view::npos) return {};
    const auto rest = header.substr(at + name.size() + 1);
    return rest.substr(0, rest.find_first_of(", "));
}

std::string hmac_hex(std::string_view secret, std::string_view data) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data(), &size);
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
        hex += "0123456789abcdef"[digest[i] >> 4];
        hex += "0123456789abcdef"[digest[i] & 15];
    }
    return hex;
}

/// The intake's word on one message.
std::string judge(const json& message) {
    const std::string type = text_of(message, "type");
    if (!subscriber(text_of(message, "to"))) return "3010";
    if (type == "ATA") {
        const json kakao = message.value("kakaoOptions", json::object());
        if (text_of(kakao, "pfId").empty()) return "1041";
        if (text_of(kakao, "templateId").empty() || text_of(kakao, "templateId").starts_with("gone")) return "1042";
        return "2000";
    }
    if (type != "SMS" && type != "LMS") return "1010";
    if (text_of(message, "from").empty()) return "1062";
    const int bytes = euckr_bytes(text_of(message, "text"));
    if (bytes < 0) return "1029";
    if (bytes == 0) return "1025";
    return bytes > (type == "SMS" ? 90 : 2000) ? "1031" : "2000";
}

/// "2026-11-28T09:00:00+09:00" and "...Z", to the second; nothing when it is neither.
std::optional<std::chrono::sys_seconds> moment(std::string_view text) {
    const auto parsed = tidegate::parse_wall_time(text);
    if (!parsed) return std::nullopt;
    return std::chrono::floor<std::chrono::seconds>(*parsed);
}

}  // namespace

SolapiEndpoint::SolapiEndpoint(Loop& loop, std::uint16_t port, Mailbox& mailbox, KoreaOptions options)
    : mailbox_(mailbox),
      options_(std::move(options)),
      server_(loop, port, [this](HttpServer::Ticket ticket, const HttpRequest& request) { handle(ticket, request); }) {}

void SolapiEndpoint::handle(HttpServer::Ticket ticket, const HttpRequest& request) {
    std::optional<HttpReply> reply;
    try {
        reply = route(request);
    } catch (const json::exception&) {
        reply = refused(400, "ValidationError", "a field is of another type");
    }
    if (reply) server_.answer(ticket, *reply);
}

std::optional<HttpReply> SolapiEndpoint::signature_fault(const HttpRequest& request) {
    const auto header = request.header("authorization");
    const auto date = part(header, "date"), salt = part(header, "salt"), signature = part(header, "signature");
    if (!header.starts_with("HMAC-SHA256 ") || part(header, "apiKey").empty()) {
        return refused(403, "InvalidAPIKey", "a signed header is required");
    }
    const auto at = moment(date);
    const auto off = at ? std::chrono::abs(std::chrono::system_clock::now() - *at) : 16min;
    if (off > 15min) return refused(403, "RequestTimeTooSkewed", "the clock is off");
    const bool right = salt.size() >= 12 && salt.size() <= 64 &&
                       hmac_hex(options_.secret, std::string(date) + std::string(salt)) == signature;
    if (!right) return refused(403, "SignatureDoesNotMatch", "the signature is not the one of date and salt");
    std::erase_if(signatures_, [](const auto& used) { return Loop::now() - used.second > 15min; });
    if (!signatures_.emplace(std::string(signature), Loop::now()).second) {
        return refused(403, "DuplicatedSignature", "the signature has been used");
    }
    return std::nullopt;
}

std::optional<HttpReply> SolapiEndpoint::route(const HttpRequest& request) {
    if (mailbox_.dead() == "solapi") return HttpReply{503, "{}", "application/json", {}};
    if (auto fault = signature_fault(request)) return fault;
    auto path = request.path();
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    const json body = json::parse(request.body, nullptr, false);
    if (path == "/messages/v4/send-many/detail" && request.method == "POST") return send_many(body);
    if (path == "/messages/v4/list" && request.method == "GET") return said(list(request));
    if (path == kGroups && request.method == "POST") {
        if (const auto broken = disturbance(mailbox_); broken && !broken->taken) return broken->reply;
        const std::string id = "G4VTWIN" + std::to_string(++count_);
        groups_[id].duplicates = body.is_object() && body.value("allowDuplicates", false);
        return said(describe(id, groups_[id]));
    }
    if (!path.starts_with(kGroups) || path.size() <= kGroups.size() + 1) {
        return refused(404, "ResourceNotFound", "no such path");
    }
    const auto rest = path.substr(kGroups.size() + 1);
    const auto slash = rest.find('/');
    return group_request(request, rest.substr(0, slash),
                         slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1));
}

std::optional<HttpReply> SolapiEndpoint::group_request(const HttpRequest& request, std::string_view id,
                                                       std::string_view what) {
    const auto found = groups_.find(id);
    if (found == groups_.end()) return refused(404, "GroupNotFound", "no such group");
    auto& [name, group] = *found;
    if (request.method == "GET" && what.empty()) return said(describe(name, group));
    if (request.method == "DELETE" && what.empty()) {
        if (group.status != "PENDING") return refused(400, "GroupNotPending", "the group has been sent");
        group.status = "DELETED";
        return said(describe(name, group));
    }
    if (group.status != "PENDING") return refused(400, "GroupNotPending", "the group has been sent or deleted");
    if (request.method == "PUT" && what == "messages") {
        const json body = json::parse(request.body, nullptr, false);
        if (!body.is_object() || !body.contains("messages") || !body["messages"].is_array() ||
            body["messages"].size() > kPerRequest) {
            return refused(400, "ValidationError", "messages must be a list of at most 10,000");
        }
        json results = json::array();
        const std::size_t before = group.failed;
        for (const json& message : body["messages"]) results.push_back(add(name, group, message));
        return said({{"errorCount", std::to_string(group.failed - before)}, {"resultList", results}});
    }
    if (request.method == "POST" && what == "send") {
        if (const auto broken = send(group)) return *broken;
        return said(describe(name, group));
    }
    return refused(405, "MethodNotAllowed", "not this way");
}

json SolapiEndpoint::add(const std::string& id, Group& group, const json& message) {
    Taken one;
    one.vendor_id = "M4VTWIN" + std::to_string(++count_);
    one.number = text_of(message, "to");
    one.kind = text_of(message, "type");
    one.mark = text_of(message.is_object() ? message.value("customFields", json::object()) : json(), "tidegate");
    std::string code = judge(message);
    const auto same = [&](const Taken& other) { return other.number == one.number; };
    if (code == "2000" && !group.duplicates && std::any_of(group.messages.begin(), group.messages.end(), same)) {
        code = "1026";
    }
    json result{{"to", one.number},
                {"from", text_of(message, "from")},
                {"type", one.kind},
                {"country", "82"},
                {"messageId", one.vendor_id},
                {"statusCode", code},
                {"statusMessage", code == "2000" ? "정상 접수" : "접수 실패"},
                {"accountId", "12345678901234"},
                {"groupId", id}};
    if (message.is_object() && message.contains("customFields")) result["customFields"] = message["customFields"];
    if (code == "2000") {
        group.messages.push_back(std::move(one));
    } else {
        ++group.failed;
        mailbox_.refuse({"solapi", one.number, one.vendor_id, one.mark}, std::stoi(code));
    }
    return result;
}

std::optional<std::optional<HttpReply>> SolapiEndpoint::send(Group& group) {
    const auto broken = disturbance(mailbox_);
    if (broken && !broken->taken) return broken->reply;
    group.status = "SENDING";
    for (Taken& one : group.messages) {
        one.at = Loop::now();
        mailbox_.take({"solapi", one.number, one.vendor_id, one.mark}, broken && !broken->reply ? 0 : 200);
    }
    if (broken) return broken->reply;
    return std::nullopt;
}

std::optional<HttpReply> SolapiEndpoint::send_many(const json& body) {
    if (!body.is_object() || !body.contains("messages") || !body["messages"].is_array() ||
        body["messages"].size() > kPerRequest) {
        return refused(400, "ValidationError", "messages must be a list of at most 10,000");
    }
    const std::string id = "G4VTWIN" + std::to_string(++count_);
    Group& group = groups_[id];
    group.duplicates = body.value("allowDuplicates", false);
    json failed = json::array(), good = json::array();
    for (const json& message : body["messages"]) {
        json result = add(id, group, message);
        (result["statusCode"] == "2000" ? good : failed).push_back(std::move(result));
    }
    if (const auto broken = send(group)) return *broken;
    json answer{{"groupInfo", describe(id, group)}, {"failedMessageList", failed}};
    if (body.value("showMessageList", false)) answer["messageList"] = good;
    return said(answer);
}

json SolapiEndpoint::describe(const std::string& id, const Group& group) const {
    const std::size_t good = group.messages.size();
    const json sums{{"requested", 0}, {"replacement", 0}, {"refund", 0}, {"sum", 0}};
    json charge, profit;
    for (const char* kind :
         {"sms", "lms", "mms", "ata", "cta", "cti", "nsa", "rcs_sms", "rcs_lms", "rcs_mms", "rcs_tpl"}) {
        charge[kind] = json::object();
        profit[kind] = 0;
    }
    return {{"groupId", id},
            {"status", group.status},
            {"allowDuplicates", group.duplicates},
            {"isRefunded", false},
            {"accountId", "12345678901234"},
            {"masterAccountId", nullptr},
            {"apiVersion", "4"},
            {"price", json::object()},
            {"log", json::array()},
            {"dateCreated", iso_now()},
            {"dateUpdated", iso_now()},
            {"scheduledDate", nullptr},
            {"dateSent", nullptr},
            {"dateCompleted", nullptr},
            {"count",
             {{"total", good + group.failed},
              {"sentTotal", group.status == "PENDING" ? 0 : good},
              {"sentFailed", 0},
              {"sentSuccess", 0},
              {"sentPending", 0},
              {"sentReplacement", 0},
              {"refund", 0},
              {"registeredFailed", group.failed},
              {"registeredSuccess", good}}},
            {"countForCharge", charge},
            {"balance", sums},
            {"point", sums},
            {"app", {{"profit", profit}, {"appId", nullptr}}}};
}

json SolapiEndpoint::list(const HttpRequest& request) const {
    const auto query = request.target.find('?') == std::string_view::npos
                           ? std::string_view()
                           : request.target.substr(request.target.find('?') + 1);
    const std::string group = form_value(query, "groupId"), message = form_value(query, "messageId");
    json all = json::object();
    for (const auto& [id, one] : groups_) {
        if (one.status != "SENDING" || (!group.empty() && group != id)) continue;
        for (const Taken& taken : one.messages) {
            if (!message.empty() && message != taken.vendor_id) continue;
            const bool over = tidegate::Seconds(Loop::now() - taken.at).count() >= options_.report_after_s;
            all[taken.vendor_id] = {{"messageId", taken.vendor_id},
                                    {"groupId", id},
                                    {"to", taken.number},
                                    {"type", taken.kind},
                                    {"status", over ? "COMPLETE" : "SENDING"},
                                    {"statusCode", over ? report_code(taken, "4000") : "3000"},
                                    {"reason", over ? "done" : "waiting for the report"},
                                    {"customFields", {{"tidegate", taken.mark}}}};
        }
    }
    return {{"startKey", nullptr}, {"nextKey", nullptr}, {"limit", 500}, {"messageList", all}};
}

}  // namespace twin
