// Message templates and the documents made of them: what compiles renders to UTF-8, and whatever the recipient's values
// hold, every channel's body is one JSON document that says exactly that.
//
// Input: the template of the body; a line "---"; values, one a line.
#include "tidegate/message/message.hpp"

#include <nlohmann/json.hpp>
#include <vector>

#include "channel/apns_protocol.hpp"
#include "channel/fcm_protocol.hpp"
#include "channel/webhook_protocol.hpp"
#include "fuzz/fuzz.hpp"
#include "tidegate/base/text.hpp"

using nlohmann::json;
using tidegate::fuzz::require;

namespace {

json parsed(const std::string& body) {
    json document = json::parse(body, nullptr, false);
    require(document.is_object(), "a body is one JSON object");
    return document;
}

/// Ill-formed bytes are replaced; all else stands in the document as it was.
void same_text(const json& in_document, const std::string& given) {
    if (tidegate::valid_utf8(given)) require(in_document == given, "the document says what was given");
}

void check_bodies(const tidegate::RenderedMessage& message) {
    tidegate::Attempt attempt;
    attempt.delivery = 65536;
    attempt.campaign = "fuzz";
    attempt.id = "00000000-0000-5000-8000-000000000000";
    attempt.key = attempt.address = message.link;
    attempt.message = message;
    attempt.expires = tidegate::WallTime(std::chrono::hours(500'000));
    const tidegate::WallTime now = *attempt.expires - std::chrono::minutes(5);

    static const tidegate::channel::ApnsProtocol apns({}, std::chrono::seconds(15));
    static const tidegate::channel::FcmProtocol fcm({}, "project", std::chrono::seconds(15));
    static const tidegate::channel::WebhookProtocol webhook({}, std::chrono::seconds(15));
    const json apple = parsed(apns.payload(attempt));
    same_text(apple["aps"]["alert"]["body"], message.body);
    const json google = parsed(fcm.body(attempt, now))["message"];
    same_text(google["notification"]["body"], message.body);
    require(google["android"]["ttl"] == "300s", "the time to live counts from now");
    const json hook = parsed(webhook.body(attempt));
    same_text(hook["body"], message.body);
    same_text(hook["address"], attempt.address);
    for (const auto& [name, value] : message.data) {
        same_text(hook["data"][name], value);
        same_text(google["data"][name], value);
        if (apns.check(attempt)) same_text(apple[name], value);
    }
    const std::string collapse = tidegate::channel::apns_collapse_id(message.collapse);
    require(collapse.size() <= 64 && tidegate::fuzz::printable(collapse), "a collapse id fits its header");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest = tidegate::fuzz::text_of(data, size);
    const std::string_view text = tidegate::fuzz::take_part(rest);
    std::vector<std::string> values;
    while (!rest.empty()) values.emplace_back(tidegate::fuzz::take_part(rest, "\n"));

    const auto alone = tidegate::TextTemplate::compile(text);
    tidegate::Message message;
    message.title = message.body = text;
    message.link = "app://{{" + (alone && !alone->columns().empty() ? alone->columns()[0] : "x") + "}}";
    message.collapse = message.link;
    message.data = {{"first", std::string(text)}, {"second", "{{second|}}"}};
    const auto compiled = tidegate::MessageTemplate::compile(message);
    require(bool(alone) == bool(compiled), "a message compiles when its texts do");
    if (!alone) {
        require(tidegate::valid_utf8(alone.error().text()) && !alone.error().hint.empty(), "a refusal says what to do");
        return 0;
    }
    const auto& columns = alone->columns();
    for (const auto& name : columns) {
        require(!name.empty() && name.find_first_of("{}|") == std::string::npos, "a column has a plain name");
        require(std::count(columns.begin(), columns.end(), name) == 1, "a column is named once");
    }
    const auto plain = compiled->render(std::vector<std::string>(compiled->columns().size()));
    require(tidegate::valid_utf8(plain.body), "defaults render to UTF-8");
    if (text.find("{{") == std::string_view::npos) require(plain.body == text, "without holes a text is itself");

    // Holes filled with themselves: the same template, its defaults gone.
    std::vector<std::string> holes;
    for (const auto& name : compiled->columns()) holes.push_back("{{" + name + "}}");
    const auto again = tidegate::TextTemplate::compile(compiled->render(holes).body);
    require(again && again->columns() == columns, "a rendered hole is a hole again");

    const auto rendered = compiled->render(values);
    require(rendered.title == rendered.body && rendered.data.at("first") == rendered.body, "one text, one rendering");
    check_bodies(rendered);
    return 0;
}
