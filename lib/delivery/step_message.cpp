#include "delivery/step_message.hpp"

#include <algorithm>

#include "message/euckr.hpp"

namespace tidegate::delivery {
namespace {

// Source: the vendors' forms (lib/channel/README.md).
constexpr std::size_t sms_bytes = 90, lms_bytes = 2000, title_bytes = 40, nhn_template = 20;

/// Same places, but nothing of a column's name: a hole is filled with other characters than it is written with.
std::string names_masked(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t open = std::min(text.find("{{"), text.size());
        out += text.substr(0, open);
        text.remove_prefix(open);
        const std::size_t end = std::min(text.find_first_of("|}"), text.size());
        for (const char c : text.substr(0, end)) {
            if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) out += '_';
        }
        text.remove_prefix(end);
    }
    return out;
}

bool starts_with_label(std::string_view text) {
    return text.starts_with("(광고)");
}

class StepCheck {
  public:
    StepCheck(const Campaign& campaign, std::size_t index, const ChannelOptions& channel)
        : campaign_(campaign),
          step_(campaign.send[index]),
          message_(message_of(campaign, step_)),
          channel_(channel),
          place_("send[" + std::to_string(index) + "]") {}

    Faults run() {
        if (const auto* alimtalk = std::get_if<AlimtalkOptions>(&channel_.provider)) check(*alimtalk);
        if (const auto* sms = std::get_if<SmsOptions>(&channel_.provider)) check(*sms);
        return std::move(faults_);
    }

  private:
    /// Where the text stands that is at fault: with the step when it is the step's own.
    std::string at(const char* field, bool own) const {
        return own ? place_ + "." + field : std::string("message.") + field;
    }
    void add(std::string where, std::string what, std::string hint, Errc code = Errc::invalid) {
        faults_.push_back(
            {code, "channel \"" + channel_.name + "\": " + std::move(what), std::move(where), std::move(hint)});
    }

    void check(const AlimtalkOptions& alimtalk) {
        if (campaign_.purpose == Purpose::advertising) {
            add(place_ + ".channel", "Alimtalk carries information only, and the purpose is advertising",
                "send advertisements by app push or SMS", Errc::refused);
        }
        const bool own = !step_.message.template_id.empty();
        if (message_.template_id.empty()) {
            add(place_ + ".channel", "no template is named",
                "add template = \"...\" to this [[send]], to [message], or to the [[channel]]");
        } else if (std::holds_alternative<NhnAccount>(alimtalk.vendor) && message_.template_id.size() > nhn_template) {
            add(at("template", own), "NHN's template codes have at most 20 characters", "copy it from the console");
        }
        if (message_.variables.size() > 40) {
            add(at("variables", !step_.message.variables.empty()), "more than 40 variables",
                "a template holds no more");
        }
    }

    void check(const SmsOptions& sms) {
        const bool own_body = !step_.message.body.empty();
        const bool own_title = !step_.message.title.empty();
        if (message_.body.empty()) add(at("body", own_body), "the text is empty", "write [message] body");
        fits(at("body", own_body), "the text", message_.body, lms_bytes);
        const bool lms = message::euckr_length(fixed_part(message_.body)).bytes > sms_bytes;
        if (lms) {
            fits(at("title", own_title), "the title", message_.title, title_bytes);
            if (message_.title.empty() && std::holds_alternative<NhnAccount>(sms.vendor)) {
                add(at("title", own_title), "the text makes an LMS, and NHN sends none without a title",
                    "write a title, or keep the text to 90 bytes");
            }
        }
        if (!step_.message.variables.empty()) {
            add(place_ + ".variables", "an SMS has no template's variables", "write {{column}} into the body");
        }
        if (campaign_.purpose == Purpose::advertising) advertisement(at("body", own_body));
    }

    void fits(const std::string& where, const char* what, const std::string& text, std::size_t most) {
        const auto outside = message::euckr_length(names_masked(text)).outside;
        if (outside) {
            add(where,
                std::string(what) + " holds a character phones cannot show by SMS: " + message::to_string(*outside),
                "use characters of KS X 1001: no emoji, no rare syllables");
        }
        const std::size_t bytes = message::euckr_length(fixed_part(text)).bytes;
        if (bytes > most) {
            add(where,
                std::string(what) + " takes " + std::to_string(bytes) +
                    " bytes of EUC-KR before anything is filled in, " + std::to_string(most) + " are the most",
                "shorten it; a Korean character takes two");
        }
    }

    /// Source: Act on Promotion of Information and Communications Network Utilization, art. 50(4) and (6), and its
    /// decree's annex; the vendors refuse what does not follow it.
    void advertisement(const std::string& where) {
        if (!starts_with_label(message_.body)) {
            add(where, "an advertisement by SMS must begin with (광고) and the sender's name",
                "e.g. \"(광고) 한빛은행 ...\"", Errc::refused);
        }
        if (!campaign_.sender.empty() && message_.body.find(campaign_.sender) == std::string::npos) {
            add(where, "an advertisement by SMS must name its sender, \"" + campaign_.sender + "\"",
                "write it behind the label: \"(광고) " + campaign_.sender + " ...\"", Errc::refused);
        }
        const bool says_free = message_.body.find("무료수신거부") != std::string::npos ||
                               message_.body.find("무료거부") != std::string::npos;
        if (!says_free || message_.body.find("080") == std::string::npos) {
            add(where, "an advertisement by SMS must end with a free way to refuse more of them",
                "e.g. \"무료수신거부 080-123-4567\"", Errc::refused);
        }
    }

    const Campaign& campaign_;
    const SendStep& step_;
    const Message message_;
    const ChannelOptions& channel_;
    const std::string place_;
    Faults faults_;
};

}  // namespace

Message message_of(const Campaign& campaign, const SendStep& step) {
    Message message = campaign.message;
    const auto own = [](auto& field, const auto& instead) {
        if (!instead.empty()) field = instead;
    };
    own(message.title, step.message.title);
    own(message.body, step.message.body);
    own(message.link, step.message.link);
    own(message.collapse, step.message.collapse);
    own(message.data, step.message.data);
    own(message.template_id, step.message.template_id);
    own(message.variables, step.message.variables);
    return message;
}

Result<std::vector<MessageTemplate>, Faults> compile_messages(const Campaign& campaign) {
    std::vector<MessageTemplate> all;
    std::vector<std::string> columns;
    const std::vector<SendStep> plain(1);
    for (const SendStep& step : campaign.send.empty() ? plain : campaign.send) {
        auto compiled = MessageTemplate::compile(message_of(campaign, step), std::move(columns));
        if (!compiled) return compiled.error();
        columns = compiled->columns();
        all.push_back(std::move(*compiled));
    }
    return all;
}

std::string address_type(const ChannelOptions& channel) {
    const bool phone = std::holds_alternative<AlimtalkOptions>(channel.provider) ||
                       std::holds_alternative<SmsOptions>(channel.provider);
    return phone ? "phone" : channel.kind();
}

Faults check_step(const Campaign& campaign, std::size_t index, const ChannelOptions& channel) {
    return StepCheck(campaign, index, channel).run();
}

std::string fixed_part(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t open = text.find("{{");
        const std::size_t close = open == std::string_view::npos ? open : text.find("}}", open);
        out += text.substr(0, close == std::string_view::npos ? text.size() : open);
        if (close == std::string_view::npos) break;
        const std::string_view hole = text.substr(open + 2, close - open - 2);
        if (const std::size_t bar = hole.find('|'); bar != std::string_view::npos) {
            std::string_view fallback = hole.substr(bar + 1);
            const std::size_t begin = std::min(fallback.find_first_not_of(" \t\r\n"), fallback.size());
            fallback.remove_prefix(begin);
            fallback = fallback.substr(0, fallback.find_last_not_of(" \t\r\n") + 1);
            out += fallback;
        }
        text.remove_prefix(close + 2);
    }
    return out;
}

}  // namespace tidegate::delivery
