#include <doctest/doctest.h>

#include <string>

#include "delivery/config_tree.hpp"

using namespace tidegate;
using namespace tidegate::delivery;

TEST_CASE("a slip in a date or a time is a fault with its line, whatever character it is") {
    for (const char* slip : {"2026-11-23Tq8:00:00+09:00", "2026-11-23T", "2026-11-23T09:00:00+q9:00", "q026-11-23",
                             "2026-1q-23", "0q:00:00", "2026-11-23T09:00:00.q"}) {
        CAPTURE(std::string(slip));
        const auto tree = parse_toml("a = 1\ndeadline = " + std::string(slip) + "\n");
        REQUIRE_FALSE(tree);
        CHECK(tree.error().where == "2");
    }
}

TEST_CASE("letters beyond ASCII are kept in texts and are faults outside of them") {
    const auto tree = parse_toml("a = \"\"\"\\\n\u00a7 caf\u00e9\"\"\"\n# \u00e4\nb = '\u0416'\n");
    REQUIRE(tree);
    CHECK(tree->find("a")->text == "\u00a7 caf\u00e9");
    CHECK(tree->find("b")->text == "\u0416");
    for (const char* broken : {"a = \u00e4", "\u00e4 = 1", "a = 1\u00e4", "[\u0416]", "a = [\u00e4]", "a \u00e4 = 1"}) {
        CAPTURE(std::string(broken));
        CHECK_FALSE(parse_toml(broken));
    }
}

TEST_CASE("a table's keys stand in the order of their lines") {
    const auto tree = parse_toml("b = 1\na = [2, {d = 3}]\n[c]\n");
    REQUIRE(tree);
    REQUIRE(tree->keys.size() == 3);
    CHECK(tree->keys[0].name == "b");
    CHECK(tree->keys[1].name == "a");
    CHECK(tree->keys[1].value.items.at(1).find("d")->integer == 3);
    CHECK(tree->keys[2].value.kind == Node::Kind::table);
    CHECK(tree->keys[2].value.line == 3);
}
