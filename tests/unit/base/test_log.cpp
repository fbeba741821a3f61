#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tidegate/base/log.hpp"

using namespace tidegate;

TEST_CASE("lines below the level are dropped") {
    std::vector<std::string> lines;
    Log log([&](LogLevel, std::string_view line) { lines.emplace_back(line); }, LogLevel::warning);
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
    CHECK(lines == std::vector<std::string>{"w", "e"});
    Log silent(nullptr);
    silent.error("nobody listens");
}

TEST_CASE("text from outside cannot forge a second line") {
    std::string seen;
    Log log([&](LogLevel, std::string_view line) { seen = line; });
    log.info("first\nerror: forged\r\x1b[2J");
    CHECK(seen == "first error: forged  [2J");
}

TEST_CASE("a sink that throws loses its line and nothing else") {
    int calls = 0;
    Log log([&](LogLevel, std::string_view) {
        if (++calls == 1) throw std::runtime_error("disk full");
    });
    log.error("one");
    log.error("two");
    CHECK(calls == 2);
}

TEST_CASE("a sink that logs to its own log does not wait for itself") {
    int calls = 0;
    Log* self = nullptr;
    Log log([&](LogLevel, std::string_view) {
        ++calls;
        self->error("again");
    });
    self = &log;
    log.error("one");
    log.error("two");
    CHECK(calls == 2);
}
