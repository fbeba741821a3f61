#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "audience/identity.hpp"
#include "audience/suppression_list.hpp"
#include "support/temp_dir.hpp"
#include "tidegate/audience/suppression.hpp"
#include "tidegate/base/rng.hpp"

using namespace tidegate;
using audience::normal_identity;

namespace {

std::unique_ptr<SuppressionSource> open(const std::vector<std::string>& paths) {
    auto source = open_suppression(paths);
    REQUIRE(source);
    return *std::move(source);
}

/// Writes beside and renames, as careful scripts do; `TempDir::write` truncates in place, as careless ones do.
void replace(const test::TempDir& folder, const std::string& name, const std::string& content) {
    std::filesystem::rename(folder.write(name + ".new", content), folder.file(name));
}

}  // namespace

TEST_CASE("a phone number matches whatever its punctuation and prefix") {
    for (const char* spelling :
         {"01012345678", "010-1234-5678", "010.1234.5678", " 010 1234 5678\r", "+82 10-1234-5678", "+821012345678",
          "+82 (0)10-1234-5678", "0082-10-1234-5678", "821012345678", "82-10-1234-5678", "(010) 1234-5678"}) {
        CAPTURE(spelling);
        CHECK(normal_identity(spelling) == "01012345678");
    }
    CHECK(normal_identity("+82-2-123-4567") == "021234567");
    CHECK(normal_identity("+1 (650) 555-0100") == "+16505550100");
}

TEST_CASE("what is no phone number stays as it is") {
    for (const char* identity : {"C-100", "2024-000123", "1012345678", "8212345678", "82", "0", "1588-1234", "",
                                 "010-1234-5678x", "1+2", "820000000001", "00000000000001"}) {
        CAPTURE(identity);
        CHECK(normal_identity(identity) == identity);
    }
}

TEST_CASE("a list holds the first field of each line, without blanks and remarks") {
    const test::TempDir folder;
    auto source = open({folder.write("a.csv",
                                     "\xEF\xBB\xBF"
                                     "c1,reason\r\n# c2\n\n  c3  \n\"c,4\",x\n\"say \"\"5\"\"\"\n"
                                     "010-1111-2222\nsemi;colon\ntab\tbed\nlast")});
    for (const char* identity : {"c1", "c3", " c3", "c,4", "say \"5\"", "+82 10 1111 2222", "semi", "tab", "last"}) {
        CAPTURE(identity);
        CHECK(source->suppressed(identity));
    }
    for (const char* identity : {"", " ", "c2", "# c2", "reason", "x", "c", "colon"}) {
        CAPTURE(identity);
        CHECK_FALSE(source->suppressed(identity));
    }
}

TEST_CASE("how a list was cut into portions does not matter") {
    const std::string text = "alpha,1\nbeta\r\n\"ga\"\"mma\"\n\n#no\n01012345678";
    audience::DigestList whole;
    for (std::size_t size = 1; size <= text.size(); ++size) {
        audience::SuppressionListReader reader;
        for (std::size_t at = 0; at < text.size(); at += size) reader.feed(std::string_view(text).substr(at, size));
        audience::DigestList list;
        REQUIRE_FALSE(reader.finish(list));
        if (size == 1) whole = list;
        CHECK(list.size() == 4);
        CHECK(list == whole);
    }
}

TEST_CASE("every file that cannot be read is told, and no files suppress nobody") {
    const test::TempDir folder;
    auto source = open_suppression({folder.file("x"), folder.write("ok", "a\n"), folder.path(),
                                    folder.write("wide", std::string("\xFF\xFE"
                                                                     "a\0",
                                                                     4)),
                                    folder.write("nul", std::string("a\0b\n", 4))});
    REQUIRE_FALSE(source);
    REQUIRE(source.error().size() == 4);
    CHECK(source.error()[0].where == folder.file("x"));
    CHECK(source.error()[0].code == Errc::not_found);
    CHECK_FALSE(open({})->suppressed("a"));
    CHECK(open({})->refresh());
}

TEST_CASE("a refusal counts from the next refresh, in place or by rename") {
    const test::TempDir folder;
    auto source = open({folder.write("a", "one\n"), folder.write("b", "other\n")});
    CHECK_FALSE(source->suppressed("two"));
    folder.write("a", "one\ntwo\n");
    CHECK_FALSE(source->suppressed("two"));
    REQUIRE(source->refresh());
    CHECK(source->suppressed("two"));
    replace(folder, "a", "one\ntwo\nthree\n");
    REQUIRE(source->refresh());
    CHECK(source->suppressed("three"));
    CHECK(source->suppressed("other"));
}

TEST_CASE("a change of the same size within one tick of the clock is seen") {
    const test::TempDir folder;
    auto source = open({folder.write("a", "one\n")});
    folder.write("a", "two\n");
    REQUIRE(source->refresh());
    CHECK(source->suppressed("two"));
}

TEST_CASE("nobody is freed by a list caught half-written") {
    const test::TempDir folder;
    auto source = open({folder.write("a", "one\ntwo\n")});
    REQUIRE(source->refresh());
    folder.write("a", "");
    REQUIRE(source->refresh());
    CHECK(source->suppressed("two"));
    folder.write("a", "one\n");
    REQUIRE(source->refresh());
    CHECK(source->suppressed("two"));
    folder.write("a", "one\ntwo\nthree\n");
    REQUIRE(source->refresh());
    REQUIRE(source->refresh());
    CHECK(source->suppressed("one"));
    CHECK(source->suppressed("two"));
    CHECK(source->suppressed("three"));
}

TEST_CASE("someone taken off the list is free after two readings of an unchanged file") {
    const test::TempDir folder;
    auto source = open({folder.write("a", "one\ntwo\n")});
    replace(folder, "a", "one\n");
    REQUIRE(source->refresh());
    CHECK(source->suppressed("two"));
    REQUIRE(source->refresh());
    CHECK_FALSE(source->suppressed("two"));
    CHECK(source->suppressed("one"));
}

TEST_CASE("whatever is written, the list is soon what the file says and never less than it") {
    const test::TempDir folder;
    Rng rng(5);
    std::string text = "# opt-outs\n";
    auto source = open({folder.write("a", text)});
    for (int round = 0; round < 300; ++round) {
        const std::string fresh = "n" + std::to_string(rng.bits() % 40);
        switch (rng.bits() % 5) {
            case 0:
                text = fresh + "\n";
                break;  // rewritten
            case 1:
                text.resize(text.size() - rng.bits() % text.size());
                break;  // cut anywhere
            case 2:
                text += fresh;
                break;  // half a line
            default:
                text += fresh + ",x\n";  // appended
        }
        folder.write("a", text);
        REQUIRE(source->refresh());
        const bool twice = rng.bits() % 2 == 0;
        if (twice) REQUIRE(source->refresh());
        const auto anew = open({folder.file("a")});
        for (int i = 0; i < 40; ++i) {
            const std::string name = "n" + std::to_string(i);
            CAPTURE(text);
            CAPTURE(name);
            if (anew->suppressed(name)) REQUIRE(source->suppressed(name));
            if (twice) REQUIRE(source->suppressed(name) == anew->suppressed(name));
        }
    }
}

TEST_CASE("a list that cannot be read is an error and the previous one stays in force") {
    const test::TempDir folder;
    auto source = open({folder.write("a", "one\n"), folder.write("b", "other\n")});
    std::filesystem::remove(folder.file("a"));
    folder.write("b", "other\nnew\n");
    auto refreshed = source->refresh();
    REQUIRE_FALSE(refreshed);
    CHECK(refreshed.error().where == folder.file("a"));
    CHECK(source->suppressed("one"));
    CHECK(source->suppressed("new"));  // the readable list is still followed
    CHECK_FALSE(source->refresh());
    folder.write("a", std::string("o\0\n", 3));
    CHECK_FALSE(source->refresh());
    CHECK(source->suppressed("one"));
    folder.write("a", "back\n");
    CHECK(source->refresh());
    CHECK(source->suppressed("back"));
    CHECK(source->suppressed("one"));
}

TEST_CASE("readers and the refreshing thread do not disturb each other") {
    const test::TempDir folder;
    auto source = open({folder.write("a", "always\n")});
    std::atomic<bool> stop{false};
    std::atomic<int> missed{0};
    std::thread reader([&] {
        while (!stop) missed += source->suppressed("always") ? 0 : 1;
    });
    for (int i = 0; i < 200; ++i) {
        replace(folder, "a", "always\nn" + std::to_string(i) + "\n");
        CHECK(source->refresh());
        CHECK(source->suppressed("n" + std::to_string(i)));
    }
    stop = true;
    reader.join();
    CHECK(missed == 0);
}
