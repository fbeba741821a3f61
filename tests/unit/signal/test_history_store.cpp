#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "signal/history_store.hpp"
#include "support/temp_dir.hpp"

using namespace tidegate;
using namespace tidegate::signal;
using tidegate::test::TempDir;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kNoon{std::chrono::hours(500'000)};

JsonSignal signal_at(const std::string& url) {
    JsonSignal signal;
    signal.url = url;
    signal.load = "/load";
    return signal;
}

HistoryStore::News news(WallTime from, int count, double load = 500) {
    HistoryStore::News made;
    for (int i = 0; i < count; ++i) {
        PastSample sample;
        sample.at = from + i * 1s;
        sample.load = load + i;
        sample.p99_s = 0.04;
        made.samples.push_back(sample);
    }
    return made;
}

int mode_of(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 0777) : -1;
}

void overwrite(const std::string& path, const std::string& text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(fd);
}

}  // namespace

TEST_CASE("a history is private, and an absent one is empty") {
    const TempDir dir;
    const std::string folder = dir.file("deep/history");
    const HistoryStore store(folder, "app", signal_at("http://a"));
    REQUIRE(store.load());
    CHECK(store.load()->samples().empty());
    CHECK(::access(folder.c_str(), F_OK) != 0);
    REQUIRE(store.add(news(kNoon, 5), kNoon + 10s));
    CHECK(mode_of(folder) == 0700);
    CHECK(mode_of(store.path()) == 0600);
    CHECK(store.load()->samples().size() == 5);
    CHECK(::access((store.path() + ".new").c_str(), F_OK) != 0);
}

TEST_CASE("two writers add to one history") {
    const TempDir dir;
    const HistoryStore one(dir.path(), "app", signal_at("http://a")), two(dir.path(), "app", signal_at("http://a"));
    REQUIRE(one.add(news(kNoon, 5), kNoon + 10s));
    REQUIRE(two.add(news(kNoon + 2s, 5, 700), kNoon + 10s));  // three of its moments are known already
    CHECK(one.load()->samples().size() == 7);
}

TEST_CASE("many writers at once lose nothing") {
    const TempDir dir;
    {
        std::vector<std::jthread> writers;
        for (int w = 0; w < 4; ++w) {
            writers.emplace_back([&, w] {
                const HistoryStore store(dir.path(), "app", signal_at("http://a"));
                for (int i = 0; i < 5; ++i) {
                    // Each hour has a place of its own, so that thinning takes none away.
                    const auto added = store.add(news(kNoon - (w * 5 + i) * 1h, 2), kNoon + 1min);
                    CHECK(added);
                }
            });
        }
    }
    CHECK(HistoryStore(dir.path(), "app", signal_at("http://a")).load()->samples().size() == 40);
}

TEST_CASE("a writer that was killed half-way leaves what was there") {
    const TempDir dir;
    const HistoryStore store(dir.path(), "app", signal_at("http://a"));
    REQUIRE(store.add(news(kNoon, 5), kNoon + 10s));
    overwrite(store.path() + ".new", "{\"tidegate_hi");  // torn, never renamed
    CHECK(store.load()->samples().size() == 5);
    REQUIRE(store.add(news(kNoon + 5s, 5), kNoon + 20s));
    CHECK(store.load()->samples().size() == 10);
}

TEST_CASE("a file that is no history gives way; one of a newer tidegate is left alone") {
    const TempDir dir;
    const HistoryStore store(dir.path(), "app", signal_at("http://a"));
    overwrite(store.path(), "what is this\n");
    CHECK(store.load().error().code == Errc::invalid);
    CHECK(store.load().error().where == store.path());
    REQUIRE(store.add(news(kNoon, 3), kNoon + 10s));
    CHECK(store.load()->samples().size() == 3);

    overwrite(store.path(), "{\"tidegate_history\":2}\n");
    CHECK(store.add(news(kNoon, 3), kNoon + 10s).error().code == Errc::refused);
    CHECK(store.load().error().code == Errc::refused);
}

TEST_CASE("another signal of the same backend has a file of its own, and is noticed") {
    const TempDir dir;
    const HistoryStore old(dir.path(), "app", signal_at("http://a")), fresh(dir.path(), "app", signal_at("http://b")),
        neighbour(dir.path(), "app-2", signal_at("http://a"));
    REQUIRE(old.add(news(kNoon, 3), kNoon + 10s));
    CHECK(fresh.load()->samples().empty());
    CHECK(fresh.knows_another_signal());
    CHECK_FALSE(old.knows_another_signal());
    CHECK_FALSE(neighbour.knows_another_signal());
}

TEST_CASE("a folder that cannot be made is told with its path") {
    const TempDir dir;
    overwrite(dir.file("file"), "");
    const HistoryStore store(dir.file("file/history"), "app", signal_at("http://a"));
    const auto added = store.add(news(kNoon, 3), kNoon);
    REQUIRE_FALSE(added);
    CHECK(added.error().code == Errc::unavailable);
    CHECK(added.error().where.find("file/history") != std::string::npos);
}
