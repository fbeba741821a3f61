#include "sim/drawing.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "report/words.hpp"
#include "sim/telling.hpp"

namespace tidegate::sim {
namespace {

constexpr double kAir = 1.12;  // of the picture's width behind the last thing that matters

/// The part of a record that is drawn: until everybody has been sent to and nothing is over because of it.
double matters_until(const SimResult& run) {
    double until = run.finished ? run.completion_s : 0.0;
    for (const BackendResult& backend : run.backends)
        for (std::size_t t = backend.series.size(); t-- > 0;)
            if (backend.series[t].over && !backend.series[t].twin_over) {
                until = std::max(until, static_cast<double>(t) + 1.0);
                break;
            }
    return until;
}

double longest(const SimResult& run) {
    std::size_t most = 0;
    for (const BackendResult& backend : run.backends) most = std::max(most, backend.series.size());
    return static_cast<double>(most);
}

template <class Value>
report::Curve curve_of(const std::vector<BackendSecond>& series, double end, Value value) {
    report::Curve curve;
    for (std::size_t t = 0; t < series.size() && static_cast<double>(t) <= end; ++t)
        curve.push_back({static_cast<double>(t), value(series[t])});
    return curve;
}

bool agree(const report::Curve& a, const report::Curve& b) {
    const std::size_t both = std::min(a.size(), b.size());
    return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(both), b.begin());
}

Overlay overlay(std::vector<report::Curve> curves) {
    const auto longest_one =
        std::max_element(curves.begin(), curves.end(),
                         [](const report::Curve& a, const report::Curve& b) { return a.size() < b.size(); });
    if (longest_one == curves.end() || curves.size() < 2) return {std::move(curves), false};
    const bool shared =
        std::all_of(curves.begin(), curves.end(), [&](const report::Curve& c) { return agree(c, *longest_one); });
    if (!shared) return {std::move(curves), false};
    return {{std::move(*longest_one)}, true};
}

DrawnBackend drawn_backend(const Comparison& comparison, std::size_t b, double end) {
    const BackendOptions& limits = comparison.scenario.backends[b].limits;
    DrawnBackend drawn{.name = limits.name, .slo_s = Seconds(limits.latency_slo).count()};
    const auto collect = [&](auto value) {
        std::vector<report::Curve> curves;
        for (const PolicyRuns& one : comparison.policies)
            curves.push_back(curve_of(one.runs.front().backends[b].series, end, value));
        return curves;
    };
    drawn.p99 = {collect([](const BackendSecond& s) { return s.p99_s; })};
    drawn.load = {collect([](const BackendSecond& s) { return s.load; })};
    drawn.p99_without = overlay(collect([](const BackendSecond& s) { return s.twin_p99_s; }));
    drawn.load_without = overlay(collect([](const BackendSecond& s) { return s.twin_load; }));
    drawn.capacity = overlay(collect([](const BackendSecond& s) { return s.capacity; }));
    return drawn;
}

report::Curve sent_of(const SimResult& run, double end) {
    report::Curve curve{{0.0, 0.0}};
    double sent = 0.0;
    std::size_t seconds = 0;
    for (const CampaignResult& campaign : run.campaigns) seconds = std::max(seconds, campaign.series.size());
    for (std::size_t t = 0; t < seconds && static_cast<double>(t) < end; ++t) {
        for (const CampaignResult& campaign : run.campaigns)
            if (t < campaign.series.size()) sent += campaign.series[t].sent;
        curve.push_back({static_cast<double>(t) + 1.0, sent});
    }
    if (curve.back().t < end) curve.push_back({end, sent});
    return curve;
}

/// "p99 412 ms over the SLO of 300 ms" and "p99 380 ms over …" are the same verdict.
std::string without_numbers(const std::string& reason) {
    const auto is_digit = [&](std::size_t i) {
        return i < reason.size() && std::isdigit(static_cast<unsigned char>(reason[i])) != 0;
    };
    std::string kind;
    bool in_name = false;  // "p99" and "app-2" are names
    for (std::size_t i = 0; i < reason.size() && reason[i] != '(' && reason[i] != ';'; ++i) {
        const char c = reason[i];
        if (is_digit(i) && !in_name) {
            kind += "…";
            while (is_digit(i + 1) || ((reason[i + 1] == '.' || reason[i + 1] == ',') && is_digit(i + 2))) ++i;
            continue;
        }
        in_name =
            std::isalpha(static_cast<unsigned char>(c)) != 0 || (in_name && (is_digit(i) || c == '-' || c == '_'));
        kind += c;
    }
    while (!kind.empty() && (kind.back() == ' ' || kind.back() == ',')) kind.pop_back();
    return kind;
}

/// While it sends, only who binds is of interest: the room changes every second.
std::string kind_of(const std::string& reason, bool held) {
    if (held) return "held: " + without_numbers(reason);
    const std::size_t colon = reason.find(": ");
    return colon == std::string::npos ? "sending" : "sending, " + reason.substr(0, colon) + " sets the rate";
}

}  // namespace

std::string look_of(PolicyKind kind) {
    switch (kind) {
        case PolicyKind::blast:
            return "p0";
        case PolicyKind::impact:
            return "p1";
        case PolicyKind::aimd:
            return "p2";
        case PolicyKind::fixed:
            return "p3";
        case PolicyKind::gradient:
            return "p4";
        case PolicyKind::oracle:
            return "p5";
    }
    return "p3";
}

Drawing drawing_of(const Comparison& comparison) {
    Drawing drawing;
    double until = 0.0, all = 1.0;
    for (const PolicyRuns& one : comparison.policies) {
        until = std::max(until, matters_until(one.runs.front()));
        all = std::max(all, longest(one.runs.front()));
    }
    drawing.end = until > 0.0 ? std::min(all, std::ceil(kAir * until)) : all;
    for (const PolicyRuns& one : comparison.policies) {
        drawing.labels.push_back(label_of(one.policy));
        drawing.looks.push_back(look_of(one.policy.kind));
        drawing.sent.push_back(sent_of(one.runs.front(), drawing.end));
        drawing.struck_s.push_back(one.runs.front().struck_s);
    }
    for (std::size_t b = 0; b < comparison.scenario.backends.size(); ++b)
        drawing.backends.push_back(drawn_backend(comparison, b, drawing.end));
    return drawing;
}

std::vector<Verdict> verdicts_of(const SimResult& run, std::size_t campaign, double starts_s) {
    std::vector<Verdict> verdicts;
    const CampaignResult& result = run.campaigns[campaign];
    const double end = starts_s + result.completion_s;
    for (std::size_t t = 0; t < result.series.size(); ++t) {
        const CampaignSecond& second = result.series[t];
        const double now = static_cast<double>(t);
        if (now < starts_s || now >= end) continue;
        const bool held = !(second.rate > 0.0);
        const std::string& reason = run.reasons[second.reason];
        std::string kind = kind_of(reason, held);
        if (verdicts.empty() || verdicts.back().kind != kind)
            verdicts.push_back({now, now, held, std::move(kind), reason});
        verdicts.back().to = std::min(now + 1.0, end);
    }
    return verdicts;
}

std::vector<report::Track> tracks_of(const std::vector<Verdict>& verdicts, std::size_t most) {
    struct Pile {
        report::Track track;
        double seconds = 0.0;
        bool held = false;
    };
    std::vector<Pile> piles;
    for (const Verdict& verdict : verdicts) {
        auto found = std::find_if(piles.begin(), piles.end(),
                                  [&](const Pile& pile) { return pile.track.label == verdict.kind; });
        if (found == piles.end())
            found = piles.insert(piles.end(), {{verdict.kind, verdict.held ? "p0" : "p1", {}}, 0.0, verdict.held});
        found->track.bands.push_back(
            {verdict.from, verdict.to,
             report::elapsed(verdict.from) + " to " + report::elapsed(verdict.to) + ": " + verdict.reason});
        found->seconds += verdict.to - verdict.from;
    }
    std::stable_sort(piles.begin(), piles.end(),
                     [](const Pile& a, const Pile& b) { return a.held != b.held ? !a.held : a.seconds > b.seconds; });
    std::vector<report::Track> tracks;
    for (Pile& pile : piles) {
        if (tracks.size() < most) {
            tracks.push_back(std::move(pile.track));
            continue;
        }
        tracks.back().label = "held: other reasons";
        tracks.back().bands.insert(tracks.back().bands.end(), pile.track.bands.begin(), pile.track.bands.end());
    }
    for (report::Track& track : tracks)
        track.label += ", " + report::elapsed([&track] {
                           double seconds = 0.0;
                           for (const report::Band& band : track.bands) seconds += band.to - band.from;
                           return seconds;
                       }());
    return tracks;
}

report::Plot latency_plot(const std::string& id, const Drawing& drawing, const DrawnBackend& backend, int height,
                          std::size_t columns) {
    double top = 0.0;
    for (const report::Curve& curve : backend.p99.curves) top = std::max(top, report::peak(curve));
    for (const report::Curve& curve : backend.p99_without.curves) top = std::max(top, report::peak(curve));
    report::Plot plot(id, report::scale_for(drawing.end, top, backend.slo_s, height, report::Unit::latency), columns);
    for (std::size_t i = 0; i < backend.p99_without.curves.size(); ++i)
        plot.line(backend.p99_without.curves[i], (backend.p99_without.shared ? "k4" : drawing.looks[i]) + " thin dot",
                  backend.p99_without.shared ? "without" : drawing.labels[i] + ", without");
    const bool few = drawing.labels.size() <= 3;
    for (std::size_t i = 0; i < backend.p99.curves.size(); ++i)
        plot.line_over(backend.p99.curves[i], few ? backend.slo_s : 0.0, drawing.looks[i], drawing.labels[i]);
    plot.limit(backend.slo_s, "SLO " + report::latency(backend.slo_s));
    // A peak below the objective would lie on the objective's own word.
    for (std::size_t i = 0; few && i < backend.p99.curves.size(); ++i)
        if (report::peak(backend.p99.curves[i]) > backend.slo_s)
            plot.mark_peak(backend.p99.curves[i], drawing.looks[i]);
    return plot;
}

report::Plot sent_plot(const std::string& id, const Drawing& drawing, int height, std::size_t columns) {
    double top = 0.0;
    for (const report::Curve& curve : drawing.sent) top = std::max(top, report::peak(curve));
    report::Plot plot(id, report::scale_for(drawing.end, top, 0.0, height, report::Unit::count), columns);
    for (std::size_t i = 0; i < drawing.sent.size(); ++i)
        plot.line(drawing.sent[i], drawing.looks[i], drawing.labels[i]);
    return plot;
}

}  // namespace tidegate::sim
