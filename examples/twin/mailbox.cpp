#include "mailbox.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace twin {

Mailbox::Mailbox(const std::string& log, Sent sent, Delivered delivered)
    : sent_(std::move(sent)), delivered_(std::move(delivered)) {
    if (log.empty()) return;
    log_ = Fd(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log_) throw std::runtime_error("cannot open the log " + log + ": " + std::strerror(errno));
}

void Mailbox::take(const Message& message, int status) {
    const TimePoint now = Loop::now();
    write(message, status);
    ++channels_[std::string(message.channel)].taken;
    sent_(now);
    recipients_.emplace(message.address);
    std::string name(message.address);
    name += '\0';
    name += message.key;
    if (messages_[name]++ == 0) return delivered_(message.address, now);
    ++repeats_;
    if (!message.key.empty()) ++merged_;
}

void Mailbox::refuse(const Message& message, int status) {
    write(message, status);
    ++channels_[std::string(message.channel)].refused;
}

void Mailbox::write(const Message& message, int status) {
    if (!log_) return;
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    const auto quoted = [](std::string_view text) {
        return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    };
    const std::string line = R"({"t":)" + std::to_string(ms.count()) + R"(,"channel":)" + quoted(message.channel) +
                             R"(,"address":)" + quoted(message.address) + R"(,"id":)" + quoted(message.id) +
                             R"(,"key":)" + quoted(message.key) + R"(,"status":)" + std::to_string(status) + "}\n";
    // One write for each line: a reader, or a test after we were killed, sees whole lines only.
    for (ssize_t done = -1; done < 0;) {
        done = ::write(log_.get(), line.data(), line.size());
        if (done < 0 && errno != EINTR) throw std::runtime_error(std::string("the log: ") + std::strerror(errno));
    }
}

void Mailbox::reset() {
    messages_.clear();
    recipients_.clear();
    channels_.clear();
    repeats_ = merged_ = 0;
}

std::string Mailbox::summary() const {
    std::string out = R"("recipients":)" + std::to_string(recipients_.size()) + R"(,"distinct":)" +
                      std::to_string(messages_.size()) + R"(,"repeats":)" + std::to_string(repeats_) + R"(,"merged":)" +
                      std::to_string(merged_) + R"(,"duplicates":)" + std::to_string(repeats_ - merged_) +
                      R"(,"channels":{)";
    bool first = true;
    for (const auto& [name, tally] : channels_) {
        out += (first ? "\"" : ",\"") + name + R"(":{"taken":)" + std::to_string(tally.taken) + R"(,"refused":)" +
               std::to_string(tally.refused) + '}';
        first = false;
    }
    return out + '}';
}

}  // namespace twin
