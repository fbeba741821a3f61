#include <doctest/doctest.h>
#include <unistd.h>

#include "support/temp_dir.hpp"
#include "tidegate/audience/source.hpp"

using namespace tidegate;

namespace {

std::vector<AudienceRow> rows_of(AudienceSource& source) {
    std::vector<AudienceRow> rows;
    AudienceRow row;
    for (;;) {
        auto found = source.next(row);
        REQUIRE(found);
        if (!*found) return rows;
        rows.push_back(row);
    }
}

/// Puts a pipe with `content` in the place of standard input while it lives.
class StandardInput {
  public:
    explicit StandardInput(const std::string& content) : saved_(::dup(STDIN_FILENO)) {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        REQUIRE(::write(ends[1], content.data(), content.size()) == static_cast<ssize_t>(content.size()));
        ::dup2(ends[0], STDIN_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
    }
    ~StandardInput() {
        if (saved_ < 0) {
            ::close(STDIN_FILENO);
        } else {
            ::dup2(saved_, STDIN_FILENO);
            ::close(saved_);
        }
    }
    StandardInput(const StandardInput&) = delete;
    StandardInput& operator=(const StandardInput&) = delete;

  private:
    int saved_;
};

Error failure_of(const std::string& path, const std::vector<std::string>& wanted = {}) {
    auto source = open_audience(path, wanted);
    REQUIRE_FALSE(source);
    CHECK_FALSE(source.error().what.empty());
    CHECK_FALSE(source.error().hint.empty());
    CHECK(source.error().where.starts_with(path));
    return source.error();
}

}  // namespace

TEST_CASE("a CSV file with a byte order mark gives its columns and numbered rows") {
    const test::TempDir folder;
    auto source =
        open_audience(folder.write("a.csv", "\xEF\xBB\xBFid,phone\r\n1,010\r\n\r\n2\r\n\"3\",\"0\n1\"\r\n"), {});
    REQUIRE(source);
    CHECK((*source)->columns() == std::vector<std::string>{"id", "phone"});
    const auto rows = rows_of(**source);
    REQUIRE(rows.size() == 3);
    CHECK(rows[0] == AudienceRow{1, {"1", "010"}, ""});
    CHECK(rows[1].number == 2);
    CHECK(rows[1].malformed == "1 fields where the header has 2");
    CHECK(rows[2] == AudienceRow{3, {"3", "0\n1"}, ""});
}

TEST_CASE("a file can be read again from its first row") {
    const test::TempDir folder;
    for (const auto& [name, content] :
         {std::pair("a.csv", "id\n1\n2\n\"x\n"), std::pair("a.ndjson", "{\"id\":1}\n{\n")}) {
        auto source = open_audience(folder.write(name, content), {"id"});
        REQUIRE(source);
        const auto first = rows_of(**source);
        CHECK(first.size() >= 2);
        REQUIRE((*source)->rewind());
        CHECK(rows_of(**source) == first);
    }
}

TEST_CASE("standard input is CSV, or NDJSON when it begins with a brace, and can be read only once") {
    for (const std::string content : {"id\n1\n2\n", "\xEF\xBB\xBF{\"id\":1}\n{\"id\":\"2\"}"}) {
        const StandardInput piped(content);
        auto source = open_audience("-", {"id"});
        REQUIRE(source);
        CHECK((*source)->columns() == std::vector<std::string>{"id"});
        CHECK(rows_of(**source) == std::vector<AudienceRow>{{1, {"1"}, ""}, {2, {"2"}, ""}});
        auto again = (*source)->rewind();
        REQUIRE_FALSE(again);
        CHECK(again.error().code == Errc::refused);
        CHECK(again.error().where == "standard input");
    }
    const StandardInput nothing("");
    auto source = open_audience("-", {"id"});
    REQUIRE_FALSE(source);
    CHECK(source.error().what == "the audience is empty");
}

TEST_CASE("a header that changed between two readings is refused") {
    const test::TempDir folder;
    auto source = open_audience(folder.write("a.csv", "id,phone\n1,2\n"), {});
    REQUIRE(source);
    folder.write("a.csv", "phone,id\n1,2\n");
    auto again = (*source)->rewind();
    REQUIRE_FALSE(again);
    CHECK(again.error().code == Errc::refused);
}

TEST_CASE("a record may be longer than the portions a file is read in") {
    const test::TempDir folder;
    const std::string value(700 * 1024, 'x');
    auto source = open_audience(folder.write("a.csv", "id,v\n1,\"" + value + "\"\n2,y\n"), {});
    REQUIRE(source);
    const auto rows = rows_of(**source);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].values[1] == value);
    CHECK(rows[1].values[1] == "y");
}

TEST_CASE("an NDJSON file has the wanted columns") {
    const test::TempDir folder;
    auto source = open_audience(folder.write("A.NDJSON", "\xEF\xBB\xBF{\"id\":7,\"x\":[1]}\n\n[]\n"), {"id", "phone"});
    REQUIRE(source);
    CHECK((*source)->columns() == std::vector<std::string>{"id", "phone"});
    const auto rows = rows_of(**source);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0] == AudienceRow{1, {"7", ""}, ""});
    CHECK(rows[1].number == 2);
    CHECK(rows[1].malformed == "not a JSON object");
}

TEST_CASE("what cannot be an audience is said when it is opened") {
    const test::TempDir folder;
    CHECK(failure_of(folder.file("none.csv")).code == Errc::not_found);
    CHECK(failure_of(folder.path()).what == "the audience is a directory");
    CHECK(failure_of(folder.write("a.csv", "")).what == "the audience is empty");
    CHECK(failure_of(folder.write("a.csv", "\xEF\xBB\xBF")).what == "the audience is empty");
    CHECK(failure_of(folder.write("a.csv", "\n\r\n")).what == "the audience has no header");
    CHECK(failure_of(folder.write("a.csv", ",,\n1,2,3\n")).what == "the header names no column");
    CHECK(failure_of(folder.write("a.csv", "id,phone,id\n")).what == "column \"id\" is named twice");
    CHECK(failure_of(folder.write("a.csv", "id,\"phone\n")).what == "the header is malformed: quote never closed");
    CHECK(failure_of(folder.write("a.csv", "id\rphone\r1\r")).what.find("carriage return") != std::string::npos);
    CHECK(failure_of(folder.write("a.csv", std::string("\xFF\xFEi\0d\0", 6))).what.find("UTF-16") != std::string::npos);
    CHECK(failure_of(folder.write("a.csv", std::string("i\0d\0\n\0", 6))).what.find("NUL") != std::string::npos);
    CHECK(failure_of(folder.write("a.csv", "id;phone\n1;2\n")).what.find("semicolons") != std::string::npos);
    CHECK(failure_of(folder.write("a.csv", "\xB0\xED\xB0\xB4,id\n")).what == "the header is not UTF-8");
    CHECK(failure_of(folder.write("a.ndjson", "[{\"id\":1}]\n")).what.find("JSON array") != std::string::npos);
}

TEST_CASE("nameless columns are harmless, and a header alone is an audience of nobody") {
    const test::TempDir folder;
    auto source = open_audience(folder.write("a.csv", "id,,\n"), {});
    REQUIRE(source);
    CHECK(rows_of(**source).empty());
}
