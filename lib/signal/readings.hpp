#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/signal/observation.hpp"
#include "tidegate/signal/options.hpp"

namespace tidegate::signal {

/// What an answer is for.
enum class Field : std::uint8_t { at, p99, load, errors, opens, extra };

/// One thing to ask a telemetry service: `text` is PromQL or a JSON Pointer.
struct Question {
    Field field = Field::p99;
    std::string name;
    std::string text;
    double limit = 0.0;

    bool operator==(const Question&) const = default;
};

/// A number, nothing (the service knows no value), or why there is no answer.
using Answer = Result<std::optional<double>>;

/// Everything a signal asks in one round; what is not configured is left out.
std::vector<Question> questions_of(const PrometheusSignal& signal);
std::vector<Question> questions_of(const JsonSignal& signal);

/// "1.5", "NaN", "+Inf", "-Inf" as Prometheus writes them. Errors: anything else.
Result<double> parse_number(std::string_view text);

/// The answer to one instant query. Errors: the API's own, warnings of incomplete data, several series, a result that
/// is no single number; the text names `query`. Source: Prometheus, "HTTP API", instant queries.
Answer parse_prometheus(std::string_view query, int status, std::string_view body);

/// The answers to `questions` from one JSON document. Errors: not 200, not JSON.
Result<std::vector<Answer>> parse_document(std::span<const Question> questions, int status, std::string_view body);

/// When answers arrived, by both clocks.
struct Arrival {
    TimePoint now{};
    WallTime wall{};
};

/// An observation and the service's own time stamp of it.
struct Sighting {
    Observation observation;
    std::optional<double> epoch;  ///< as answered; none when the service gave no time
};

/// Puts the answers of one round together. `p99_unit` is in seconds. Without a question for `at` the moment is that of
/// arrival. Errors: any answer that is an error; no value for p99 or at; a time that lies ahead of our clock.
Result<Sighting> assemble(std::span<const Question> questions, std::span<const Answer> answers, double p99_unit,
                          const Arrival& arrival);

}  // namespace tidegate::signal
