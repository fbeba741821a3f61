#include "signal/readings.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tidegate/base/text.hpp"

namespace tidegate::signal {

namespace {

using nlohmann::json;

/// Clocks of two machines kept by NTP differ by far less.
constexpr double kMaxAhead = 5.0;
constexpr std::size_t kMaxQuoted = 200;

template <class Signal>
std::vector<Question> questions_from(const Signal& signal) {
    std::vector<Question> out;
    const auto ask = [&out](Field field, const char* name, const std::string& text) {
        if (!text.empty()) out.push_back({field, name, text, 0.0});
    };
    ask(Field::at, "at", signal.at);
    ask(Field::p99, "p99", signal.p99);
    ask(Field::load, "load", signal.load);
    ask(Field::errors, "errors", signal.errors);
    ask(Field::opens, "opens", signal.opens);
    for (const auto& extra : signal.extra) out.push_back({Field::extra, extra.name, extra.query, extra.limit});
    return out;
}

Error bad(std::string_view name, std::string what, std::string hint = {}) {
    return {Errc::unavailable, std::move(what), std::string(name), std::move(hint)};
}

/// A remote text made fit to stand in an error.
std::string quote(std::string_view text) {
    std::string out(text.substr(0, kMaxQuoted));
    for (char& c : out) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    while (!valid_utf8(out)) out.pop_back();
    return out;
}

std::string text_of(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? quote(found->get_ref<const std::string&>()) : std::string();
}

/// `[time, "value"]`
Answer sample_of(std::string_view query, const json& sample) {
    if (!sample.is_array() || sample.size() != 2 || !sample[1].is_string()) {
        return bad(query, "Prometheus answered in a form we do not know");
    }
    auto number = parse_number(sample[1].get_ref<const std::string&>());
    if (!number) return bad(query, number.error().what);
    return std::optional<double>(*number);
}

/// Notes about the style of a query come through the warnings of some versions; lost data is something else.
bool is_remark(const std::string& warning) {
    return warning.rfind("PromQL info", 0) == 0;
}

Answer value_at(const json& document, const Question& question) {
    json::json_pointer pointer;
    try {
        pointer = json::json_pointer(question.text);
    } catch (const json::exception&) {
        return bad(question.name, question.text + " is not a JSON Pointer", "write it like /metrics/p99");
    }
    const json* value = nullptr;
    try {
        if (!document.contains(pointer)) {
            return bad(question.name, "the document has nothing at " + question.text, "compare it with the document");
        }
        value = &document.at(pointer);
    } catch (const json::exception&) {
        return bad(question.name, "the document has nothing at " + question.text, "compare it with the document");
    }
    if (value->is_null()) return std::optional<double>();
    if (value->is_number()) return std::optional<double>(value->get<double>());
    if (value->is_string()) {
        const auto& text = value->get_ref<const std::string&>();
        if (const auto number = parse_number(text)) return std::optional<double>(*number);
        if (question.field == Field::at) {
            if (const auto time = parse_wall_time(text)) {
                return std::optional<double>(Seconds(time->time_since_epoch()).count());
            }
        }
    }
    return bad(question.name, question.text + " is not a number");
}

}  // namespace

std::vector<Question> questions_of(const PrometheusSignal& signal) {
    return questions_from(signal);
}
std::vector<Question> questions_of(const JsonSignal& signal) {
    return questions_from(signal);
}

Result<double> parse_number(std::string_view text) {
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "+Inf" || text == "Inf") return std::numeric_limits<double>::infinity();
    if (text == "-Inf") return -std::numeric_limits<double>::infinity();
    double value = 0.0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    // The library's own names for them ("nan", "infinity") are nobody's here.
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(value)) {
        return Error{Errc::unavailable, "\"" + quote(text) + "\" is not a number", {}, {}};
    }
    return value;
}

Answer parse_prometheus(std::string_view query, int status, std::string_view body) {
    const json document = json::parse(body, nullptr, false);
    if (!document.is_object()) {
        return bad(query, "HTTP status " + std::to_string(status) + " without a JSON answer",
                   "check that `url` is a Prometheus server");
    }
    if (status != 200 || text_of(document, "status") != "success") {
        return bad(query, "Prometheus refused the query: HTTP status " + std::to_string(status) + " " +
                              text_of(document, "errorType") + ": " + text_of(document, "error"));
    }
    if (const auto warnings = document.find("warnings"); warnings != document.end() && warnings->is_array()) {
        for (const auto& warning : *warnings) {
            const std::string text = warning.is_string() ? quote(warning.get_ref<const std::string&>()) : "unreadable";
            if (!is_remark(text)) return bad(query, "Prometheus warns: " + text);
        }
    }
    const auto data = document.find("data");
    if (data == document.end() || !data->is_object() || !data->contains("result")) {
        return bad(query, "Prometheus answered in a form we do not know");
    }
    const auto& result = (*data)["result"];
    const auto type = text_of(*data, "resultType");
    if (type == "scalar") return sample_of(query, result);
    if (type != "vector" || !result.is_array()) {
        return bad(query, "the query gives a " + type + ", not one number", "make it an instant query of one number");
    }
    if (result.empty()) return std::optional<double>();
    if (result.size() > 1) {
        return bad(query, "the query returned " + std::to_string(result.size()) + " series",
                   "aggregate them into one, with sum(...) or max(...)");
    }
    if (!result[0].is_object() || !result[0].contains("value")) {
        return bad(query, "Prometheus answered in a form we do not know");
    }
    return sample_of(query, result[0]["value"]);
}

Result<std::vector<Answer>> parse_document(std::span<const Question> questions, int status, std::string_view body) {
    if (status != 200) return bad("url", "HTTP status " + std::to_string(status) + " instead of a document");
    const json document = json::parse(body, nullptr, false);
    if (document.is_discarded()) {
        return bad("url", "the answer is not JSON", "NaN and infinities must be null or strings in JSON");
    }
    std::vector<Answer> answers;
    answers.reserve(questions.size());
    for (const auto& question : questions) answers.push_back(value_at(document, question));
    return answers;
}

Result<Sighting> assemble(std::span<const Question> questions, std::span<const Answer> answers, double p99_unit,
                          const Arrival& arrival) {
    Sighting out;
    out.observation.at = arrival.now;
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const auto& question = questions[i];
        if (!answers[i]) return answers[i].error();
        const std::optional<double>& value = *answers[i];
        switch (question.field) {
            case Field::at: {
                if (!value || !std::isfinite(*value)) {
                    return bad("at", "the query returned nothing", "without its time the evidence may be of any age");
                }
                const double age = Seconds(arrival.wall.time_since_epoch()).count() - *value;
                if (age < -kMaxAhead) {
                    return bad("at",
                               "the evidence claims to be " + std::to_string(std::llround(-age)) + " s ahead of us",
                               "it must be in epoch seconds, and both clocks must agree");
                }
                // A year is older than any limit and keeps the arithmetic within its bounds.
                out.observation.at = after(arrival.now, -std::clamp(age, 0.0, 31'536'000.0));
                out.epoch = *value;
                break;
            }
            case Field::p99:
                if (!value) return bad("p99", "the query returned nothing", "check the query and the metric's name");
                out.observation.p99 = Seconds(*value * p99_unit);
                break;
            case Field::load:
                out.observation.load = value;
                break;
            case Field::errors:
                out.observation.errors = value;
                break;
            case Field::opens:
                out.observation.opens = value;
                break;
            case Field::extra:
                // A leading signal somebody asked for and that is not there must not look like zero.
                out.observation.extra.push_back(
                    {question.name, value.value_or(std::numeric_limits<double>::quiet_NaN()), question.limit});
                break;
        }
    }
    return out;
}

}  // namespace tidegate::signal
