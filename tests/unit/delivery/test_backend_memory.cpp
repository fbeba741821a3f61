#include <doctest/doctest.h>

#include "delivery/backend_memory.hpp"
#include "delivery/backend_watch.hpp"
#include "support/temp_dir.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using tidegate::test::TempDir;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kNoon{std::chrono::hours(500'000)};
constexpr TimePoint kStart{std::chrono::hours(10)};

Backend watched() {
    Backend backend;
    backend.limits.name = "app";
    JsonSignal signal;
    signal.url = "http://127.0.0.1:1/json";
    signal.load = "/load";
    backend.signal = signal;
    return backend;
}

Observation at_second(int second, double load = 500) {
    Observation seen;
    seen.at = kStart + second * 1s;
    seen.p99 = 40ms;
    seen.load = load + second;
    return seen;
}

/// One writer's memory and its clock.
struct Writer {
    Log log{{}, LogLevel::error};
    BackendMemory memory;
    explicit Writer(const std::string& dir, const Backend& backend = watched()) : memory(backend, dir, log) {}
    void see(int second, BackendMemory::Ours ours = {}) {
        memory.note(at_second(second), ours, kStart + second * 1s, kNoon + second * 1s);
    }
    Result<void> keep(int second, bool at_once = false) {
        return memory.keep(kStart + second * 1s, kNoon + second * 1s, at_once);
    }
};

std::size_t kept(const TempDir& dir) {
    Writer reader(dir.path());
    return reader.memory.recall(kStart, kNoon + 1h).size();
}

}  // namespace

TEST_CASE("what was noted is on disk within the minute, and with the last word") {
    const TempDir dir;
    Writer writer(dir.path());
    REQUIRE(writer.keep(0));
    for (int i = 1; i < 8; ++i) writer.see(i);
    REQUIRE(writer.keep(59));
    CHECK(kept(dir) == 0);
    REQUIRE(writer.keep(60));
    CHECK(kept(dir) == 7);
    CHECK(writer.memory.summary().samples == 7);
    writer.see(61);
    REQUIRE(writer.keep(62, true));
    CHECK(kept(dir) == 8);
}

TEST_CASE("a controller that recalls a history says so, and one without says that too") {
    const TempDir dir;
    Writer writer(dir.path());
    for (int i = 0; i < 40; ++i) writer.see(i);
    REQUIRE(writer.keep(40, true));
    const auto told = [&](const std::string& directory) {
        Log quiet{{}, LogLevel::error};
        BackendWatch watch(watched(), std::make_shared<PushSensor>(),
                           std::make_unique<BackendMemory>(watched(), directory, quiet));
        watch.recall(kStart + 1h, kNoon + 1h);
        static_cast<PushSensor*>(watch.sensor())->push(at_second(3600));
        CHECK(watch.poll(kStart + 1h).fresh);
        watch.judge({}, 0, kStart + 1h, kNoon + 1h);
        const Advice advice = watch.decide(kStart + 1h);
        watch.publish(0);
        CHECK(watch.progress().remembered == advice.remembered);
        CHECK((watch.progress().history.samples > 0) == (advice.remembered > 0));
        CHECK((advice.reason.find("no history") == std::string::npos) == (advice.remembered > 0));
        return advice.remembered;
    };
    CHECK(told(dir.path()) > 0);
    CHECK(told(dir.file("empty")) == 0);
    CHECK(told("") == 0);
}

TEST_CASE("while our sends are felt nothing counts as passive, for any writer") {
    const TempDir dir;
    Writer gate(dir.path()), observer(dir.path());
    gate.see(1);
    observer.see(2);
    gate.see(10, {300, 600});                            // ours by far: felt until second 610
    REQUIRE(gate.keep(10));                              // at once, although no minute has passed
    for (int i = 11; i < 600; i += 30) observer.see(i);  // cannot know whose load that is
    REQUIRE(observer.keep(600, true));
    CHECK(kept(dir) == 2);
    observer.see(611);
    REQUIRE(observer.keep(612, true));
    CHECK(kept(dir) == 3);
    gate.see(620, {20, 600});  // a twentieth at most is nothing
    REQUIRE(gate.keep(621, true));
    CHECK(kept(dir) == 4);
}

TEST_CASE("a disk that refuses loses nothing that was noted") {
    const TempDir dir;
    const std::string blocked = dir.write("blocked", "a file where the folder should be");
    Writer writer(blocked);
    writer.see(1);
    CHECK_FALSE(writer.keep(1, true));
    CHECK(writer.memory.summary().note.find("cannot be kept") != std::string::npos);
    std::filesystem::remove(blocked);
    writer.see(2);
    REQUIRE(writer.keep(2, true));
    CHECK(writer.memory.summary().samples == 2);
    CHECK(writer.memory.summary().note.empty());
}

TEST_CASE("a signal without load has no history, in words") {
    const TempDir dir;
    Backend backend = watched();
    std::get<JsonSignal>(backend.signal).load.clear();
    Writer writer(dir.path(), backend);
    writer.see(1);
    REQUIRE(writer.keep(1, true));
    CHECK(writer.memory.recall(kStart, kNoon).empty());
    CHECK(to_string(writer.memory.summary()).find("tells no load") != std::string::npos);
}

TEST_CASE("a changed signal begins a history of its own, and says that there is another") {
    const TempDir dir;
    Writer writer(dir.path());
    writer.see(1);
    REQUIRE(writer.keep(1, true));
    Backend moved = watched();
    std::get<JsonSignal>(moved.signal).url = "http://127.0.0.1:2/json";
    Writer other(dir.path(), moved);
    CHECK(other.memory.recall(kStart, kNoon).empty());
    CHECK(to_string(other.memory.summary()).find("another address") != std::string::npos);
    Backend stricter = watched();
    stricter.limits.latency_slo = 200ms;
    Writer same(dir.path(), stricter);
    CHECK(same.memory.recall(kStart + 1min, kNoon + 1min).size() == 1);
}
