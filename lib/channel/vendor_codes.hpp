#pragma once

#include <span>
#include <string>
#include <string_view>

#include "channel/answer.hpp"

namespace tidegate::channel {

/// One line of a vendor's table: the codes that mean the same.
struct CodeRow {
    std::string_view codes;  ///< separated by blanks; "1043..1053" is each of them
    OutcomeClass kind;
    Reason reason;
    Scope scope = Scope::recipient;
    unsigned consequences = 0;
};
using CodeTable = std::span<const CodeRow>;

CodeTable solapi_codes();        ///< of messages, at intake and in reports
CodeTable nhn_alimtalk_codes();  ///< of requests and of their recipients, KakaoTalk Bizmessage
CodeTable kakao_codes();         ///< of reports, as Kakao gives them to every vendor
CodeTable nhn_sms_codes();       ///< of requests and of their recipients, SMS
CodeTable nhn_sms_results();     ///< of reports, SMS

/// What a code means. One that the table does not list is `unknown`, keeps its text and condemns nothing.
Outcome outcome_of_code(CodeTable table, std::string_view code, std::string_view text,
                        std::span<const std::string_view> addresses);

/// Text without anything that may be a telephone number: a vendor may quote another recipient's beside this one's.
std::string hide_numbers(std::string_view text);

/// Whether a row names the code.
bool names(const CodeRow& row, std::string_view code);

}  // namespace tidegate::channel
