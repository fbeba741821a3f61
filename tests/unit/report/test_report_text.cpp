#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "report/words.hpp"
#include "sample.hpp"

using namespace tidegate;
using namespace tidegate::report;

TEST_CASE("no line of a text report is wider than 100 columns, whatever the names") {
    RunReport r = sample::report();
    std::string wide;
    for (int i = 0; i < 80; ++i) wide += "가";
    const std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
    r.campaign = r.channels[0].name = r.backends[0].name = r.cohorts[0].label = r.holds[0].reason = wide;
    r.events[0].detail = r.malformed[0].reason = wide;
    r.channels[0].answers.fill(huge);
    r.cohorts[0].recipients = r.cohorts[0].released = huge;
    r.backends[0].seconds_over_slo = r.backends[0].worst_p99_s = 1e300;
    std::istringstream text(to_text(r));
    for (std::string line; std::getline(text, line);) {
        CAPTURE(line);
        CHECK(columns_of(line) <= 100);
    }
}

TEST_CASE("a text report cannot move the cursor or reorder what is read") {
    RunReport r = sample::report();
    r.campaign = "evil\x1b[2J\r\u202Eabc";
    r.events[0].detail = "x\ny";
    const std::string text = to_text(r);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\r') == std::string::npos);
    CHECK(text.find("\u202E") == std::string::npos);
    CHECK(text.find("x y") != std::string::npos);
}

TEST_CASE("a text report tells what matters") {
    const std::string text = to_text(sample::report());
    for (const char* part : {"check-card-benefit-2026-11", "completed", "1,000 recipients from 1,010 rows", "312 ms",
                             "p99 312 ms is over 300 ms", "suppressed", "row           17  empty key"}) {
        CAPTURE(part);
        CHECK(text.find(part) != std::string::npos);
    }
}

TEST_CASE("a text report sets what was learnt of the response beside what was believed") {
    RunReport r = sample::report();
    std::string text = to_text(r);
    for (const char* part : {"Response: learnt from 1,234 opens (attributed)", "believed", "8%", "45 s", "learnt",
                             "6.12%", " 38.", "1.1"}) {
        CAPTURE(part);
        CHECK(text.find(part) != std::string::npos);
    }
    r.response->known = "none";
    text = to_text(r);
    CHECK(text.find("Response: believed, nobody told of opens") != std::string::npos);
    CHECK(text.find("6.12%") == std::string::npos);
}

TEST_CASE("numbers read well") {
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1234567) == "1,234,567");
    CHECK(decimal(1234.5, 1) == "1,234.5");
    CHECK(decimal(-1234.0, 1) == "-1,234");
    CHECK(decimal(-0.01, 1) == "0");
    CHECK(decimal(std::nan(""), 1) == "–");
    CHECK(share(1, 3) == "33.3%");
    CHECK(share(999999, 1000000) == ">99.99%");
    CHECK(share(1, 1000000) == "<0.01%");
    CHECK(share(0, 0).empty());
    CHECK(latency(0.0412) == "41 ms");
    CHECK(latency(3.14159) == "3.14 s");
    CHECK(elapsed(8.44) == "8.4 s");
    CHECK(elapsed(2765) == "46 m 05 s");
    CHECK(elapsed(36000) == "10 h 00 m");
}

TEST_CASE("Korean text is measured, cut and padded in columns") {
    CHECK(columns_of("혜택 a") == 6);
    CHECK(fit("혜택 안내", 12) == "혜택 안내   ");
    CHECK(columns_of(fit("혜택 안내 문자", 8)) == 8);
    CHECK(fit_right("가", 4) == "  가");
    CHECK(columns_of(fit("ab\xff"
                         "cd",
                         5)) == 5);
}
