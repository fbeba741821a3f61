#include <cmath>
#include <nlohmann/json.hpp>

#include "report/compose.hpp"
#include "report/gates.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate {

namespace {

using Json = nlohmann::ordered_json;

Json when(const std::optional<WallTime>& t) {
    return t ? Json(format_wall_time(*t)) : Json(nullptr);
}

/// To the thousandth; what is not a number is null, as JSON has no other word for it.
Json real(double value) {
    if (!std::isfinite(value)) return nullptr;
    return std::round(value * 1000.0) / 1000.0;
}

Json channels(const RunReport& report) {
    Json out = Json::array();
    for (const auto& c : report.channels) {
        const auto answers = [&](OutcomeClass kind) { return c.answers[static_cast<std::size_t>(kind)]; };
        out.push_back({{"name", c.name},
                       {"kind", c.kind},
                       {"accepted", answers(OutcomeClass::accepted)},
                       {"invalid", answers(OutcomeClass::invalid_recipient)},
                       {"rejected", answers(OutcomeClass::rejected)},
                       {"throttled", answers(OutcomeClass::throttled)},
                       {"transient", answers(OutcomeClass::transient)},
                       {"unknown", answers(OutcomeClass::unknown)}});
    }
    return out;
}

Json cohorts(const RunReport& report) {
    Json out = Json::array();
    for (const auto& c : report.cohorts) {
        out.push_back({{"index", c.index},
                       {"recipients", c.recipients},
                       {"started_at", when(c.started_at)},
                       {"finished_at", when(c.finished_at)}});
    }
    return out;
}

Json gates(const RunReport& report) {
    Json out = Json::array();
    for (const auto& gate : report::gates_of(report))
        out.push_back({{"canary", gate.canary}, {"state", gate.state}, {"at", when(gate.at)}, {"why", gate.why}});
    return out;
}

Json backends(const RunReport& report) {
    Json out = Json::array();
    for (const auto& b : report::all_backends(report)) {
        Json holds = Json::array();
        for (const auto& h : report.holds) {
            if (h.backend != b.name) continue;
            holds.push_back({{"from", format_wall_time(h.from)},
                             {"to", when(h.to)},
                             {"signal", h.signal},
                             {"value", real(h.value)},
                             {"reason", h.reason}});
        }
        out.push_back({{"name", b.name},
                       {"worst_p99_ms", real(b.worst_p99_s * 1000.0)},
                       {"slo_ms", real(b.slo_s * 1000.0)},
                       {"seconds_over_slo", real(b.seconds_over_slo)},
                       {"holds", std::move(holds)}});
    }
    return out;
}

Json figures(const ResponseFigures& f) {
    return {{"open_rate", f.open_rate}, {"median_s", real(f.median_s)}, {"spread", real(f.spread)}};
}

Json response(const RunReport& report) {
    if (!report.response) return nullptr;
    const ResponseRecord& r = *report.response;
    Json curve = Json::array();
    for (const auto& point : r.curve)
        curve.push_back({{"lag_s", real(point.lag_s)}, {"believed", point.believed}, {"learnt", point.learnt}});
    return {{"known", r.known},
            {"opens", r.opens},
            {"believed", figures(r.believed)},
            {"learnt", figures(r.learnt)},
            {"curve", std::move(curve)}};
}

}  // namespace

std::string to_json(const RunReport& report) {
    const LedgerTotals& t = report.totals;
    Json outcomes = Json::object();
    for (const Final f : {Final::accepted, Final::delivered, Final::undelivered, Final::invalid, Final::rejected,
                          Final::failed, Final::expired, Final::unknown}) {
        outcomes[std::string(to_string(f))] = report::count(t, f);
    }
    outcomes["skipped"] = report::skipped(t);
    outcomes["pending"] = report::count(t, Final::pending);
    const Json out{
        {"schema", 1},
        {"campaign", report.campaign},
        {"state", to_string(report.state)},
        {"audience",
         {{"rows", t.rows}, {"malformed", t.malformed}, {"duplicates", t.duplicates}, {"recipients", t.recipients}}},
        {"outcomes", std::move(outcomes)},
        {"skipped",
         {{"suppressed", report::count(t, Final::suppressed)},
          {"no_consent", report::count(t, Final::no_consent)},
          {"no_address", report::count(t, Final::no_address)}}},
        {"deliveries", t.deliveries},
        {"attempts", t.attempts},
        {"elapsed_s", real(t.elapsed_s)},
        {"channels", channels(report)},
        {"cohorts", cohorts(report)},
        {"gates", gates(report)},
        {"backends", backends(report)},
        {"response", response(report)}};
    return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tidegate
