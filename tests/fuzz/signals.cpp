// Telemetry: JSON Pointers into a sensor's document agree with a plain reading of RFC 6901, Prometheus' answers become
// a number or a reason, and an observation put together of them keeps its bounds.
//
// Input: up to three JSON Pointers, one a line; a line "---"; the document. The first is the time of the evidence.
#include "signal/readings.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "tidegate/base/text.hpp"

using nlohmann::json;
using namespace tidegate;
using namespace tidegate::signal;
using tidegate::fuzz::require;

namespace {

/// A plain reading of RFC 6901 section 4. Null: there is nothing, or the text is no pointer.
const json* evaluate(const json& document, std::string_view pointer) {
    const json* at = &document;
    while (!pointer.empty()) {
        if (pointer.front() != '/') return nullptr;
        pointer.remove_prefix(1);
        const std::string_view token = pointer.substr(0, pointer.find('/'));
        pointer.remove_prefix(token.size());
        std::string name;
        for (std::size_t i = 0; i < token.size(); ++i) {
            if (token[i] != '~') {
                name += token[i];
                continue;
            }
            if (++i == token.size() || (token[i] != '0' && token[i] != '1')) return nullptr;
            name += token[i] == '0' ? '~' : '/';
        }
        if (at->is_object()) {
            const auto found = at->find(name);
            if (found == at->end()) return nullptr;
            at = &*found;
        } else if (at->is_array()) {
            const bool index = !name.empty() && name.size() < 10 && (name == "0" || name[0] != '0') &&
                               name.find_first_not_of("0123456789") == std::string::npos;
            if (!index || std::stoul(name) >= at->size()) return nullptr;
            at = &(*at)[std::stoul(name)];
        } else {
            return nullptr;
        }
    }
    return at;
}

void check_error(const Error& error) {
    require(!error.what.empty() && error.what.size() < 2000, "a reason is short");
}

void check_number(std::string_view text) {
    const auto number = parse_number(text);
    if (!number) return check_error(number.error());
    const bool named = text == "NaN" || text == "+Inf" || text == "Inf" || text == "-Inf";
    require(std::isfinite(*number) != named, "only their names are no finite numbers");
}

void check_prometheus(std::string_view body) {
    const auto answer = parse_prometheus("up", 200, body);
    const json document = json::parse(body, nullptr, false);
    if (answer) {
        require(document.is_object() && document.value("status", json()) == "success", "only a success is an answer");
        return;
    }
    check_error(answer.error());
    require(valid_utf8(answer.error().what) && fuzz::printable(answer.error().what), "a reason is printable UTF-8");
    require(!parse_prometheus("up", 503, body), "only status 200 is an answer");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view body = fuzz::text_of(data, size);
    std::string_view pointers = fuzz::take_part(body);
    check_number(pointers);
    check_prometheus(body);

    std::vector<Question> questions;
    constexpr Field fields[] = {Field::at, Field::p99, Field::extra};
    for (const Field field : fields) {
        questions.push_back(
            {field, field == Field::at ? "at" : "value", std::string(fuzz::take_part(pointers, "\n")), 1});
    }
    const auto answers = parse_document(questions, 200, body);
    const json document = json::parse(body, nullptr, false);
    require(bool(answers) == !document.is_discarded(), "a document is read when it is JSON");
    if (!answers) return 0;
    require(answers->size() == questions.size(), "each question has its answer");
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const Answer& answer = (*answers)[i];
        const json* expected = evaluate(document, questions[i].text);
        if (!expected) {
            require(!answer, "what RFC 6901 does not find is an error");
        } else if (expected->is_null()) {
            require(answer && !*answer, "null is no value");
        } else if (expected->is_number()) {
            require(answer && *answer == expected->get<double>(), "a number is itself");
        } else if (!expected->is_string()) {
            require(!answer, "only texts and numbers are values");
        }
        if (!answer) check_error(answer.error());
    }
    const Arrival arrival{TimePoint(std::chrono::hours(10'000)), WallTime(std::chrono::hours(500'000))};
    if (const auto sighting = assemble(questions, *answers, 0.001, arrival)) {
        require(sighting->observation.at <= arrival.now + std::chrono::seconds(6), "evidence is not of the future");
        require(sighting->observation.at >= arrival.now - std::chrono::hours(24 * 366),
                "evidence is at most a year old");
        require(sighting->epoch && std::isfinite(*sighting->epoch), "the time is known");
        require(sighting->observation.extra.size() == 1, "the extra value is there");
    } else {
        check_error(sighting.error());
    }
    return 0;
}
