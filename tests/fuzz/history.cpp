// What lies on disk about a backend and about a response: whatever a file holds, what is read of it is sound, and what
// is sound survives its own file.
//
// Input: a history; a line "---"; a response record.
#include <cmath>

#include "fuzz/fuzz.hpp"
#include "signal/history.hpp"
#include "tidegate/ledger/response_record.hpp"

using namespace tidegate;
using tidegate::fuzz::require;

namespace {

const std::string identity = "0123456789abcdef";

void require_sound(const signal::History& history) {
    const signal::PastSample* before = nullptr;
    for (const signal::PastSample& sample : history.samples()) {
        require(std::isfinite(sample.load) && sample.load > 0, "a load is a number above 0");
        require(std::isfinite(sample.p99_s) && sample.p99_s > 0, "a latency is a number above 0");
        require(before == nullptr || before->at < sample.at, "samples rise in time");
        before = &sample;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest = fuzz::text_of(data, size);
    if (auto history = signal::History::parse(fuzz::take_part(rest), identity)) {
        require_sound(*history);
        const auto again = signal::History::parse(history->text("app", identity), identity);
        require(static_cast<bool>(again), "what was written can be read");
        require(again->samples() == history->samples(), "and says the same");
        if (!history->samples().empty()) history->thin(history->samples().back().at);
        require(history->samples().size() <= 6000, "a history is bounded");
        require_sound(*history);
        require(fuzz::printable(to_string(history->summary())), "a history is told on one line");
    } else {
        require(!history.error().what.empty(), "a refusal says why");
        require(fuzz::printable(history.error().text()), "on one line");
    }
    if (const auto record = parse_response_record(rest)) {
        const auto again = parse_response_record(to_text(*record));
        require(again == record, "a record survives its own text");
    }
    return 0;
}
