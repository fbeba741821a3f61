#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tidegate/channel/options.hpp"
#include "tidegate/delivery/campaign.hpp"

namespace tidegate::delivery {

/// What a step says: the campaign's message with the step's own fields in place of its.
Message message_of(const Campaign& campaign, const SendStep& step);

/// One template for each step, or one for the campaign without steps. All are rendered from the same values, in the
/// order of the last one's columns. Errors: those of the first text that does not compile.
Result<std::vector<MessageTemplate>, Faults> compile_messages(const Campaign& campaign);

/// Which of a recipient's addresses a channel of this kind takes: "phone" for Alimtalk and SMS, else the kind.
std::string address_type(const ChannelOptions& channel);

/// What can be seen of a step before anybody is rendered: kind against purpose, template, length, label. `where` is
/// "send[INDEX]."; a hole counts nothing but its default.
Faults check_step(const Campaign& campaign, std::size_t index, const ChannelOptions& channel);

/// A text's fixed part: its holes left out, but for their defaults.
std::string fixed_part(std::string_view text);

}  // namespace tidegate::delivery
