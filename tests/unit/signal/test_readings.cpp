#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "signal/inbox.hpp"
#include "signal/readings.hpp"

using namespace tidegate;
using namespace tidegate::signal;

namespace {

std::string vector_of(const std::string& value) {
    return R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795368000.1,")" +
           value + R"("]}]}})";
}

const std::string kEmpty = R"({"status":"success","data":{"resultType":"vector","result":[]}})";

PrometheusSignal prometheus() {
    PrometheusSignal signal;
    signal.url = "http://127.0.0.1:9090";
    signal.p99 = "p";
    signal.load = "l";
    signal.errors = "e";
    signal.at = "a";
    signal.extra = {{"lock_waits", "w", 40}};
    return signal;
}

const Arrival kArrival{TimePoint(std::chrono::seconds(1000)), WallTime(std::chrono::seconds(1'795'368'010))};

/// Answers in the order of `questions_of(prometheus())`: at, p99, load, errors, lock_waits.
std::vector<Answer> healthy() {
    return {std::optional(1'795'368'007.5), std::optional(0.12), std::optional(310.0), std::optional(0.001),
            std::optional(3.0)};
}

}  // namespace

TEST_CASE("a Prometheus value may be a number, NaN or infinite") {
    CHECK(**parse_prometheus("p99", 200, vector_of("0.25")) == 0.25);
    CHECK(std::isnan(**parse_prometheus("p99", 200, vector_of("NaN"))));
    CHECK(**parse_prometheus("p99", 200, vector_of("+Inf")) == INFINITY);
    CHECK(**parse_prometheus("p99", 200, vector_of("-Inf")) == -INFINITY);
    CHECK(**parse_prometheus("p99", 200, vector_of("1e+06")) == 1e6);
    CHECK(**parse_prometheus("p99", 200, R"({"status":"success","data":{"resultType":"scalar","result":[1,"7"]}})") ==
          7);
    CHECK_FALSE(parse_prometheus("p99", 200, vector_of("fast")));
    CHECK_FALSE(parse_prometheus("p99", 200, vector_of("1.5s")));
    CHECK_FALSE(parse_prometheus("p99", 200, vector_of("")));
    for (const char* foreign : {"nan", "inf", "-inf", "infinity", "NAN", "nan(1)", "1e999", "0x10", " 1", "+1"}) {
        CAPTURE(std::string(foreign));
        CHECK_FALSE(parse_number(foreign));
    }
}

TEST_CASE("an empty Prometheus answer is no value, not zero") {
    const auto answer = parse_prometheus("load", 200, kEmpty);
    REQUIRE(answer);
    CHECK_FALSE(answer->has_value());
}

TEST_CASE("several series are refused with the advice to aggregate") {
    const auto answer = parse_prometheus(
        "load", 200,
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]},{"metric":{},"value":[1,"2"]}]}})");
    REQUIRE_FALSE(answer);
    CHECK(answer.error().where == "load");
    CHECK(answer.error().what.find("2 series") != std::string::npos);
    CHECK(answer.error().hint.find("sum") != std::string::npos);
}

TEST_CASE("what Prometheus refuses or warns of names the query") {
    const auto refused = parse_prometheus(
        "p99", 400, R"({"status":"error","errorType":"bad_data","error":"parse error: unexpected end"})");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("p99") != std::string::npos);
    CHECK(refused.error().what.find("unexpected end") != std::string::npos);

    std::string body = vector_of("1");
    body.insert(body.size() - 1, R"(,"warnings":["store is unreachable"])");
    const auto warned = parse_prometheus("load", 200, body);
    REQUIRE_FALSE(warned);
    CHECK(warned.error().what.find("store is unreachable") != std::string::npos);

    std::string remark = vector_of("1");
    remark.insert(remark.size() - 1, R"(,"warnings":["PromQL info: metric might not be a counter"])");
    CHECK(parse_prometheus("load", 200, remark));
}

TEST_CASE("answers that are no Prometheus answers are errors, whatever they are") {
    for (const char* body :
         {"", "<html>", "[]", "null", "{}", R"({"status":"success"})", R"({"status":"success","data":[]})",
          R"({"status":"success","data":{"resultType":"matrix","result":[]}})",
          R"({"status":"success","data":{"resultType":"vector","result":[1]}})",
          R"({"status":"success","data":{"resultType":"vector","result":[{"value":[1]}]}})",
          R"({"status":"success","data":{"resultType":"vector","result":[{"value":[1,2]}]}})"}) {
        CAPTURE(body);
        CHECK_FALSE(parse_prometheus("p99", 200, body));
    }
    CHECK_FALSE(parse_prometheus("p99", 503, vector_of("1")));
}

TEST_CASE("a round becomes one observation at the moment the evidence describes") {
    const auto questions = questions_of(prometheus());
    const auto seen = assemble(questions, healthy(), 1.0, kArrival);
    REQUIRE(seen);
    const Observation& observation = seen->observation;
    CHECK(seconds_between(observation.at, kArrival.now) == doctest::Approx(2.5));
    CHECK(observation.p99 == Seconds(0.12));
    CHECK(observation.load == 310.0);
    CHECK(observation.errors == 0.001);
    CHECK_FALSE(observation.samples);
    CHECK_FALSE(observation.opens);
    CHECK(observation.extra == std::vector<ExtraReading>{{"lock_waits", 3.0, 40}});
}

TEST_CASE("one failed query fails the whole round") {
    auto answers = healthy();
    answers[2] = Error{Errc::unavailable, "refused", "load", {}};
    const auto seen = assemble(questions_of(prometheus()), answers, 1.0, kArrival);
    REQUIRE_FALSE(seen);
    CHECK(seen.error().where == "load");
}

TEST_CASE("no latency and no time is no evidence; no load is only less") {
    const auto questions = questions_of(prometheus());
    for (const std::size_t needed : {0U, 1U}) {
        auto answers = healthy();
        answers[needed] = std::optional<double>();
        const auto seen = assemble(questions, answers, 1.0, kArrival);
        REQUIRE_FALSE(seen);
        CHECK(seen.error().what == "the query returned nothing");
    }
    auto answers = healthy();
    answers[2] = answers[3] = std::optional<double>();
    const auto seen = assemble(questions, answers, 1.0, kArrival);
    REQUIRE(seen);
    CHECK_FALSE(seen->observation.load);
    CHECK_FALSE(seen->observation.errors);
}

TEST_CASE("a missing leading signal is NaN and never zero") {
    auto answers = healthy();
    answers[4] = std::optional<double>();
    const auto seen = assemble(questions_of(prometheus()), answers, 1.0, kArrival);
    REQUIRE(seen);
    CHECK(std::isnan(seen->observation.extra.at(0).value));
}

TEST_CASE("a latency that is not a number is passed on for the controller to judge") {
    auto answers = healthy();
    answers[1] = std::optional<double>(NAN);
    const auto seen = assemble(questions_of(prometheus()), answers, 1.0, kArrival);
    REQUIRE(seen);
    CHECK(std::isnan(seen->observation.p99.count()));
}

TEST_CASE("evidence from the future is refused, a little of it is the clocks' grain") {
    auto answers = healthy();
    answers[0] = std::optional(1'795'368'011.0);
    const auto slightly = assemble(questions_of(prometheus()), answers, 1.0, kArrival);
    REQUIRE(slightly);
    CHECK(slightly->observation.at == kArrival.now);
    for (const double at : {1'795'368'016.0, 1'795'368'007'500.0, double(NAN), double(INFINITY)}) {
        answers[0] = std::optional(at);
        CHECK_FALSE(assemble(questions_of(prometheus()), answers, 1.0, kArrival));
    }
    answers[0] = std::optional(0.0);
    const auto ancient = assemble(questions_of(prometheus()), answers, 1.0, kArrival);
    REQUIRE(ancient);
    CHECK(seconds_between(ancient->observation.at, kArrival.now) > 86400.0);
}

TEST_CASE("a JSON document is read by pointers, in milliseconds when told so") {
    JsonSignal signal;
    signal.p99 = "/latency/p99";
    signal.load = "/load";
    signal.at = "/at";
    signal.extra = {{"locks", "/a~1b/0", 5}};
    const auto questions = questions_of(signal);
    const auto answers =
        parse_document(questions, 200, R"({"latency":{"p99":120},"load":"NaN","at":"2026-11-22T13:20:00Z","a/b":[7]})");
    REQUIRE(answers);
    const auto seen =
        assemble(questions, *answers, 1e-3, {kArrival.now, WallTime(std::chrono::seconds(1'795'353'602))});
    REQUIRE_MESSAGE(seen, seen.error().text());
    CHECK(seen->observation.p99.count() == doctest::Approx(0.12));
    CHECK(std::isnan(*seen->observation.load));
    CHECK(seconds_between(seen->observation.at, kArrival.now) == doctest::Approx(2.0));
    CHECK(seen->observation.extra.at(0).value == 7);
}

TEST_CASE("a JSON document without a time is of its arrival") {
    JsonSignal signal;
    const auto questions = questions_of(signal);
    const auto answers = parse_document(questions, 200, R"({"p99":0.2})");
    REQUIRE(answers);
    const auto seen = assemble(questions, *answers, 1.0, kArrival);
    REQUIRE(seen);
    CHECK(seen->observation.at == kArrival.now);
    CHECK_FALSE(seen->epoch);
}

TEST_CASE("a field that is gone, of another type or in no JSON at all is an error") {
    JsonSignal signal;
    signal.load = "/load/0";
    const auto questions = questions_of(signal);
    for (const char* body :
         {R"({"load":[1]})", R"({"p99":{},"load":[1]})", R"({"p99":true,"load":[1]})", R"({"p99":1,"load":{}})",
          R"({"p99":1,"load":["x"]})", R"({"p99":null,"load":[1]})", "[]"}) {
        CAPTURE(body);
        const auto answers = parse_document(questions, 200, body);
        REQUIRE(answers);
        CHECK_FALSE(assemble(questions, *answers, 1.0, kArrival));
    }
    CHECK_FALSE(parse_document(questions, 200, R"({"p99":NaN})"));
    CHECK_FALSE(parse_document(questions, 500, R"({"p99":1,"load":[1]})"));
}

TEST_CASE("a second look at the same evidence is not a newer observation") {
    Inbox inbox;
    CHECK_FALSE(inbox.newest());
    const TimePoint t0(std::chrono::seconds(100));
    Sighting first{{t0, Seconds(0.1), {}, {}, {}, {}, {}}, 5000.0};
    inbox.put(first);
    // The same stamp, converted a millisecond later by wavering clocks.
    Sighting again{{t0 + std::chrono::milliseconds(1), Seconds(0.2), {}, {}, {}, {}, {}}, 5000.0};
    inbox.put(again);
    CHECK(*inbox.newest() == first.observation);

    inbox.fail({Errc::unavailable, "down", {}, {}});
    CHECK_FALSE(inbox.newest());
    inbox.put(again);
    REQUIRE(inbox.newest());
    CHECK(*inbox.newest() == first.observation);

    Sighting later{{t0 + std::chrono::seconds(5), Seconds(0.2), {}, {}, {}, {}, {}}, 5005.0};
    inbox.put(later);
    CHECK(*inbox.newest() == later.observation);
}
