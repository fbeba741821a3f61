// What the store keeps of a campaign's sends, read back.
#include <doctest/doctest.h>

#include <cstdio>
#include <map>
#include <numeric>

#include "quota/sent_record.hpp"

using namespace tidegate;
using namespace tidegate::quota;

namespace {

/// A record as the store's script would write it: messages by bin.
std::string record(std::int64_t width, std::int64_t head, const std::map<std::int64_t, double>& bins) {
    std::string cells(static_cast<std::size_t>(record_cells) * record_digits, '0');
    for (const auto& [bin, messages] : bins) {
        char text[32];
        std::snprintf(text, sizeof text, "%012.0f", messages * 1000);
        const auto cell = static_cast<std::size_t>((bin % record_cells + record_cells) % record_cells);
        cells.replace(cell * record_digits, record_digits, text);
    }
    return "1 " + std::to_string(width) + " " + std::to_string(head) + " " + cells;
}

double sum(const std::vector<SentThen>& sent) {
    return std::accumulate(sent.begin(), sent.end(), 0.0,
                           [](double all, const SentThen& then) { return all + then.messages; });
}

constexpr std::int64_t second = 1'000'000;

}  // namespace

TEST_CASE("a record is read as messages by age, oldest first; the newest bin fills only what has passed of it") {
    const auto sent = sent_of(record(2 * second, 500, {{498, 30}, {500, 7.5}}), "", 1001 * second);
    REQUIRE(sent.size() == 2);
    CHECK(sent[0] == SentThen{3.0, 5.0, 30.0});
    CHECK(sent[1] == SentThen{0.0, 1.0, 7.5});
}

TEST_CASE("a ring that has gone round, and a domain so young that its oldest bins lie before its birth") {
    CHECK(sum(sent_of(record(second, 1000, {{1000 - record_cells + 1, 5}}), "", 1000 * second + 1)) == 5.0);
    const auto young = sent_of(record(second, 3, {{0, 1}, {3, 2}}), "", 4 * second);
    REQUIRE(young.size() == 2);
    CHECK(young[0].to_s == doctest::Approx(4.0));
}

TEST_CASE("of two memories the larger number counts, bin by bin, and neither is added to the other") {
    const std::int64_t v = 100 * second;
    const std::string lost = record(second, 90, {{80, 40}, {90, 10}});  // another server's, ten seconds ago
    const std::string told = record(second, 99, {{80, 25}, {90, 25}, {99, 5}});
    const auto sent = sent_of(told, lost, v);
    REQUIRE(sent.size() == 3);
    CHECK(sent[0].messages == doctest::Approx(40.0));  // a node that is gone sent the rest
    CHECK(sent[1].messages == doctest::Approx(25.0));
    CHECK(sent[2].messages == doctest::Approx(5.0));
    CHECK(sum(sent_of("", lost, v)) == doctest::Approx(50.0));
    // Other widths: what lies in a wide bin lies evenly in it.
    const std::string wide = record(10 * second, 9, {{8, 60}});
    CHECK(sum(sent_of(record(second, 99, {}), wide, v)) == doctest::Approx(60.0));
}

TEST_CASE("what cannot be read is nothing, never a crash") {
    for (const std::string& text : {std::string(), std::string("1 2"), std::string("1 0 0 ") + std::string(2880, '0'),
                                    std::string("1 1000000 5 ") + std::string(2880, 'x'),
                                    std::string("1 1000000 5 ") + std::string(2868, '0'), std::string("a b c d")})
        CHECK(sent_of(text, text, second).empty());
}

TEST_CASE("ages in steps keep every message, and the record's bins cover the horizon") {
    const auto steps = in_steps({{0.0, 1.0, 4.0}, {1.5, 4.5, 9.0}}, 2.0);
    REQUIRE(steps.size() == 3);
    CHECK(steps[0] == doctest::Approx(4.0 + 1.5));
    CHECK(steps[1] == doctest::Approx(6.0));
    CHECK(steps[2] == doctest::Approx(1.5));
    CHECK(in_steps({{0.0, 1e9, 1.0}}, 1.0).size() == record_cells);
    CHECK(in_steps({{3.0, 2.0, 1.0}, {-1.0, 2.0, 1.0}}, 1.0).empty());
    CHECK(record_width(737.0) * (record_cells - 2) >= 737 * second);
    CHECK(record_width(3.0) == second / 2);
    CHECK(record_width(1e300) > 0);
}
