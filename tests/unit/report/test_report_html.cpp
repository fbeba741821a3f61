#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <vector>

#include "sample.hpp"
#include "tidegate/base/rng.hpp"

using namespace tidegate;
using namespace std::chrono_literals;
using sample::kStart;

namespace {

/// The run of a backend whose p99 is `p99(second)`.
ReportPanel panel(std::string title, int seconds, const auto& p99) {
    ReportPanel p;
    p.title = std::move(title);
    p.report = sample::report();
    for (int s = 0; s < seconds; ++s) {
        CampaignTick tick;
        tick.at = kStart + std::chrono::seconds(s);
        tick.allowed = 100;
        tick.released = 90;
        p.series.ticks.push_back(tick);
        BackendTick b;
        b.at = tick.at;
        b.backend = "app-api";
        b.slo_s = 0.3;
        b.p99_s = p99(s);
        b.load = 500 + s % 50;
        b.ceiling = 900;
        p.series.backend_ticks.push_back(b);
    }
    return p;
}

double calm(int) {
    return 0.04;
}

/// Every element is closed in order, attributes are quoted, and '<' and '&' stand only where markup begins. Style and
/// script are passed over.
std::string fault_of(const std::string& html) {
    static const std::set<std::string> empty{"!doctype", "meta", "br"};
    std::vector<std::string> open;
    for (std::size_t at = 0; at < html.size(); ++at) {
        if (html[at] != '<') continue;
        std::size_t end = at + 1;
        bool quoted = false;
        while (end < html.size() && (quoted || html[end] != '>')) {
            if (html[end] == '"') quoted = !quoted;
            if (html[end] == '<' && !quoted) return "'<' inside a tag at " + html.substr(at, 60);
            ++end;
        }
        std::string tag = html.substr(at + 1, end - at - 1);
        const bool closing = tag.front() == '/', alone = tag.back() == '/';
        std::string name = tag.substr(closing ? 1 : 0, tag.find_first_of(" \n", 1) - (closing ? 1 : 0));
        if (alone && name.back() == '/') name.pop_back();
        if (closing) {
            if (open.empty() || open.back() != name) return "</" + name + "> closes nothing";
            open.pop_back();
        } else if (!alone && !empty.contains(name)) {
            open.push_back(name);
        }
        at = end;
        if (!closing && (name == "style" || name == "script")) at = html.find("</" + name, end) - 1;
    }
    return open.empty() ? "" : "<" + open.back() + "> stays open";
}

std::size_t times(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

}  // namespace

TEST_CASE("a page is whole: balanced, self-contained, light and dark, described for those who cannot see it") {
    const std::string html = to_html({panel("", 120, calm)});
    CHECK(fault_of(html) == "");
    for (const char* outside : {"src=", "href=", "@import", "https:", "//cdn"}) {
        CAPTURE(outside);
        CHECK(html.find(outside) == std::string::npos);
    }
    CHECK(times(html, "http:") == 1);  // the name of the SVG namespace, in the script
    CHECK(html.find("prefers-color-scheme:dark") != std::string::npos);
    CHECK(times(html, "<desc ") == times(html, "class=\"plot\""));
    CHECK(times(html, "class=\"plot\"") == 5);
    CHECK(html.find("data-n=\"p99\"") != std::string::npos);
    CHECK(html.find("class=\"hold\"") != std::string::npos);
    CHECK(html.find("p99 312 ms is over 300 ms") != std::string::npos);
    CHECK(html.find("How people react") != std::string::npos);
    CHECK(html.find("learnt: 6.12%, median") != std::string::npos);
}

TEST_CASE("hostile text never becomes markup, wherever it stands") {
    const std::vector<std::string> hostile{"<script>alert(1)</script>",
                                           "\"><img src=x onerror=alert(1)>",
                                           "</title></style></script><b>",
                                           "' onmouseover='x",
                                           "a&b<c>d\"e'f",
                                           "\xff\xfe<\x01>",
                                           "<!--",
                                           "]]>"};
    for (const std::string& text : hostile) {
        CAPTURE(text);
        ReportPanel p = panel(text, 60, [](int s) { return s > 30 ? 1.0 : 0.1; });
        RunReport& r = p.report;
        r.campaign = text;
        r.response->known = text;
        r.channels[0].name = r.channels[0].kind = text;
        r.cohorts[0].label = r.cohorts[1].label = text;
        r.backends[0].name = text;
        for (auto& h : r.holds) h.backend = h.signal = h.reason = text;
        for (auto& e : r.events) e.kind = e.detail = e.operator_name = text;
        for (auto& m : r.malformed) m.reason = text;
        for (auto& b : p.series.backend_ticks) b.backend = b.reason = b.state = text;
        for (auto& t : p.series.ticks) t.reason = text;
        for (const std::string& html : {to_html({p}), to_html({p, p})}) {
            CHECK(fault_of(html) == "");
            CHECK(times(html, "<script") == 1);
            CHECK(times(html, "</script") == 1);
            CHECK(times(html, "</style") == 1);
            CHECK(times(html, "<img") == 0);
            CHECK(times(html, "<!--") == 0);
            CHECK(html.find("' onmouseover='") == std::string::npos);
        }
    }
}

TEST_CASE("two runs are compared: a table, one picture for both, trouble marked where it was") {
    const ReportPanel blast = panel("without the gate", 300, [](int s) { return s > 20 && s < 120 ? 3.0 : 0.05; });
    ReportPanel gated = panel("with the gate", 300, calm);
    gated.report.backends = {{"app-api", 0.3, 0.04, 0}};
    const std::string html = to_html({blast, gated});
    CHECK(fault_of(html) == "");
    CHECK(html.find("Side by side") != std::string::npos);
    CHECK(html.find("data-n=\"without the gate\"") != std::string::npos);
    CHECK(html.find("data-n=\"with the gate\"") != std::string::npos);
    CHECK(times(html, "class=\"over p0\"") == 1);
    CHECK(times(html, "class=\"over p1\"") == 0);
}

TEST_CASE("the part over the objective is drawn exactly when there is one") {
    CHECK(times(to_html({panel("", 60, calm)}), "class=\"over ") == 0);
    CHECK(times(to_html({panel("", 60, [](int s) { return s == 30 ? 0.301 : 0.1; })}), "class=\"over ") == 1);
}

TEST_CASE("ten hours of restless telemetry on five backends stay below a megabyte, and the spike stays in") {
    Rng rng(5);
    ReportPanel p = panel("", 1, calm);
    p.series = {};
    for (int i = 0; i < 36000; ++i) {
        CampaignTick tick;
        tick.at = kStart + std::chrono::seconds(i);
        tick.allowed = 1000 * rng.uniform();
        tick.released = rng.bits() % 1000;
        p.series.ticks.push_back(tick);
        for (int k = 0; k < 5; ++k) {
            BackendTick b;
            b.at = tick.at;
            b.backend = "backend-" + std::to_string(k);
            b.slo_s = 0.3;
            b.p99_s = i == 17777 && k == 2 ? 7.77 : rng.uniform();
            b.load = 1000 * rng.uniform();
            b.expected = 1000 * rng.uniform();
            b.committed = 1000 * rng.uniform();
            b.ceiling = 1000 * rng.uniform();
            p.series.backend_ticks.push_back(b);
        }
    }
    for (int i = 0; i < 5000; ++i) {
        const auto from = kStart + std::chrono::seconds(7 * i);
        p.report.holds.push_back({"backend-1", from, from + 3s, "p99", 0.4, "p99 400 ms is over 300 ms"});
    }
    const std::string html = to_html({p});
    CHECK(html.size() < 1000000);
    CHECK(html.find("7.77 s") != std::string::npos);
}

TEST_CASE("an empty run and no run at all make a page") {
    CHECK(fault_of(to_html({})) == "");
    ReportPanel nothing;
    nothing.report.campaign = "later";
    const std::string html = to_html({nothing});
    CHECK(fault_of(html) == "");
    CHECK(html.find("No curves were recorded") != std::string::npos);
    CHECK(fault_of(to_html({nothing, nothing})) == "");
}

TEST_CASE("telemetry that never came leaves no broken numbers in the page") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    ReportPanel p = panel("", 60, [](int) { return nan; });
    for (auto& b : p.series.backend_ticks) b.load = b.ceiling = b.baseline = nan;
    p.report.backends = {{"app-api", 0.3, 0, 0}};
    for (const std::string& html : {to_html({p}), to_html({p, p})}) {
        CHECK(html.find("nan") == std::string::npos);
        CHECK(html.find("inf") == std::string::npos);
    }
}
