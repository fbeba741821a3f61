#include "delivery/attribution.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "delivery/learnt_curve.hpp"
#include "tidegate/base/rng.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kStart{std::chrono::hours(100)};
constexpr WallTime kNoon{std::chrono::hours(500'000)};
constexpr double kMedian = 40;

/// A campaign's people: "p1".. with the second in which each was sent to.
struct People {
    std::map<std::string, std::int64_t> ids;
    std::map<std::int64_t, double> sent;
    bool broken = false;

    WhoOpened who() {
        return {[this](std::string_view key) -> Result<std::optional<std::int64_t>> {
                    if (broken) return Error{Errc::unavailable, "gone", "", ""};
                    const auto found = ids.find(std::string(key));
                    return found == ids.end() ? std::optional<std::int64_t>{} : found->second;
                },
                [this](std::int64_t id, WallTime by) -> Result<std::optional<WallTime>> {
                    const auto found = sent.find(id);
                    if (found == sent.end()) return std::optional<WallTime>{};
                    const WallTime at = kNoon + std::chrono::milliseconds(std::llround(found->second * 1000));
                    return at <= by ? std::optional<WallTime>(at) : std::nullopt;
                }};
    }
    void add(std::int64_t id, std::optional<double> second) {
        ids["p" + std::to_string(id)] = id;
        if (second) sent[id] = *second;
    }
};

Open open_of(int id, double second) {
    return {"p" + std::to_string(id), kNoon + std::chrono::milliseconds(std::llround(second * 1000))};
}

Attribution::Lesson lesson_at(Attribution& attribution, People& people, double second, std::vector<Open> opens) {
    auto lesson =
        attribution.attribute(opens, after(kStart, second),
                              kNoon + std::chrono::milliseconds(std::llround(second * 1000)), kMedian, people.who());
    REQUIRE(lesson);
    return *lesson;
}

std::vector<OpensOfAge> all_of(const Attribution::Lesson& lesson) {
    std::vector<OpensOfAge> all;
    for (const auto& interval : lesson.intervals) all.insert(all.end(), interval.opens.begin(), interval.opens.end());
    return all;
}

}  // namespace

TEST_CASE("an open is aged from when that person was sent to, and each person counts once") {
    People people;
    people.add(1, 0);
    people.add(2, 5);
    Attribution attribution(2, 600, kStart);
    auto lesson = lesson_at(attribution, people, 30, {open_of(1, 20), open_of(2, 25), open_of(1, 26)});
    CHECK(lesson.seen == 2);
    CHECK(lesson.repeated == 1);
    CHECK(all_of(lesson) == std::vector<OpensOfAge>{{20, 1}, {20, 1}});
    lesson = lesson_at(attribution, people, 31, {open_of(2, 30.5)});
    CHECK(lesson.seen == 0);
    CHECK(lesson.repeated == 1);
}

TEST_CASE("strangers, opens before the message and opens long after it teach nothing and are told apart") {
    People people;
    people.add(1, 100);
    people.add(2, std::nullopt);  // never sent to
    people.add(3, 0);
    Attribution attribution(3, 600, kStart);
    const auto lesson = lesson_at(attribution, people, 700,
                                  {{"another campaign's", kNoon}, open_of(1, 97), open_of(2, 650), open_of(3, 690)});
    CHECK(lesson.unknown == 1);
    CHECK(lesson.early == 2);
    CHECK(lesson.late == 1);
    CHECK(lesson.seen == 0);
    // Clocks differ a little: that is age 0, not an open before the message.
    const auto close = lesson_at(attribution, people, 701, {open_of(1, 98.5)});
    CHECK(close.seen == 1);
    CHECK(all_of(close).front().age_s == 0);
}

TEST_CASE("intervals follow one another; silence within a batch is news, a long one without a word is not") {
    People people;
    for (int i = 1; i <= 10; ++i) people.add(i, 0);
    Attribution attribution(10, 600, kStart);
    // The first batch reaches back to its earliest open.
    auto lesson = lesson_at(attribution, people, 50, {open_of(1, 48), open_of(2, 45)});
    CHECK(lesson.intervals.front().from == after(kStart, 45));
    CHECK(lesson.intervals.back().to == after(kStart, 50));
    lesson = lesson_at(attribution, people, 53, {});
    CHECK(lesson.intervals.front().from == after(kStart, 50));
    CHECK(lesson.intervals.back().to == after(kStart, 53));
    CHECK(all_of(lesson).empty());
    lesson = lesson_at(attribution, people, 90, {open_of(3, 85)});  // within the median: still one stretch
    CHECK(lesson.intervals.front().from == after(kStart, 53));
    // Nobody told anything for minutes: whether anybody counted is not known.
    lesson = lesson_at(attribution, people, 400, {open_of(4, 390)});
    CHECK(lesson.intervals.front().from == after(kStart, 390));
    lesson = lesson_at(attribution, people, 700, {});
    CHECK(lesson.intervals.empty());
    for (const auto& interval : lesson.intervals) CHECK(interval.from < interval.to);
}

TEST_CASE("a long batch is told in steps that are short against the lag, each open in its own") {
    People people;
    for (int i = 1; i <= 3; ++i) people.add(i, 0);
    Attribution attribution(3, 600, kStart);
    static_cast<void>(lesson_at(attribution, people, 10, {open_of(1, 9)}));
    const auto lesson = lesson_at(attribution, people, 40, {open_of(2, 39.9), open_of(3, 2)});  // the second is late
    REQUIRE(lesson.intervals.size() == 6);
    CHECK(lesson.intervals.back().opens.size() == 1);
    CHECK(lesson.intervals.front().opens == std::vector<OpensOfAge>{{2, 1}});
    for (std::size_t i = 1; i < lesson.intervals.size(); ++i)
        CHECK(lesson.intervals[i].from == lesson.intervals[i - 1].to);
}

TEST_CASE("a lookup that fails takes nothing, so the same opens can be told again") {
    People people;
    people.add(1, 0);
    Attribution attribution(1, 600, kStart);
    int asked = 0;
    WhoOpened breaks = people.who();
    breaks.find = [&, find = people.who().find](std::string_view key) -> Result<std::optional<std::int64_t>> {
        people.broken = ++asked > 1;
        return find(key);
    };
    const std::vector<Open> opens{open_of(1, 5), open_of(1, 6)};
    CHECK_FALSE(attribution.attribute(opens, after(kStart, 10), kNoon + 10s, kMedian, breaks));
    people.broken = false;
    CHECK(lesson_at(attribution, people, 11, opens).seen == 1);
}

TEST_CASE("counts stand aside while attributed opens come, and return when those have been silent") {
    CHECK(counts_stand(std::nullopt, kStart, 45));
    CHECK_FALSE(counts_stand(kStart, kStart + 80s, 45));
    CHECK(counts_stand(kStart, kStart + 91s, 45));
    CHECK_FALSE(counts_stand(kStart, kStart + 59s, 2));
    CHECK(counts_stand(kStart, kStart + 61s, 2));
}

TEST_CASE("attributed opens teach the open rate and the median, and the record says so") {
    // Believed: 4 % with a median of 20 s. In truth: 10 % with 40 s.
    const ResponseOptions belief{.open_rate = 0.04, .median = 20s, .spread = 1.0};
    Reaction reaction(belief, kStart);
    People people;
    Rng rng(11);
    std::multimap<double, int> opens;
    constexpr int per_second = 50, seconds = 400;
    int id = 0;
    for (int s = 0; s < seconds; ++s)
        for (int k = 0; k < per_second; ++k) {
            people.add(++id, s);
            if (rng.uniform() < 0.1) opens.emplace(s + rng.log_normal(40, 1.0), id);
        }
    Attribution attribution(id, reaction.model().horizon(), kStart);
    OpensProgress progress;
    progress.known = OpensKnown::attributed;
    for (int s = 0; s < seconds; ++s) {
        for (int part = 0; part < 5; ++part) reaction.grant(per_second / 5.0, after(kStart, s + part / 5.0));
        if (s % 2 == 0) continue;  // told every other second
        std::vector<Open> batch;
        for (auto it = opens.lower_bound(s - 1); it != opens.end() && it->first < s + 1; ++it)
            batch.push_back(open_of(it->second, it->first));
        const auto lesson = lesson_at(attribution, people, s + 1, batch);
        progress.seen += lesson.seen;
        for (const auto& interval : lesson.intervals) reaction.see_opens(interval.opens, interval.from, interval.to);
    }
    const ResponseRecord record = response_record(belief, reaction.model(), progress, kNoon);
    CHECK(record.known == "attributed");
    CHECK(record.opens == progress.seen);
    CHECK(record.opens > 1000);
    CHECK(record.believed == ResponseFigures{0.04, 20, 1.0});
    CHECK(record.learnt.open_rate > 0.085);
    CHECK(record.learnt.open_rate < 0.115);
    CHECK(record.learnt.median_s > 30);
    CHECK(record.learnt.median_s < 50);
    REQUIRE(record.curve.size() > 10);
    for (std::size_t i = 1; i < record.curve.size(); ++i) {
        CHECK(record.curve[i].lag_s > record.curve[i - 1].lag_s);
        CHECK(record.curve[i].learnt >= record.curve[i - 1].learnt);
        CHECK(record.curve[i].believed >= record.curve[i - 1].believed);
    }
    CHECK(parse_response_record(to_text(record)) == record);

    const ResponseRecord untold = response_record(belief, ResponseModel(belief), {}, kNoon);
    CHECK(untold.known == "none");
    CHECK(untold.learnt == untold.believed);
}
