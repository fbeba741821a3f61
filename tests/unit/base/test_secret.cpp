#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tidegate/base/secret.hpp"

using namespace tidegate;

namespace {

class Folder {
  public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "tidegate-secret-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    ~Folder() { std::filesystem::remove_all(path_); }

    void put(const std::string& name, const std::string& content) const {
        std::ofstream(path_ + "/" + name, std::ios::binary) << content;
    }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace

TEST_CASE("a secret compares by content") {
    const Secret secret("correct horse");
    CHECK(secret.equals("correct horse"));
    CHECK_FALSE(secret.equals("correct horsf"));
    CHECK_FALSE(secret.equals("correct hors"));
    CHECK_FALSE(secret.equals("correct horsecorrect horse"));
    CHECK_FALSE(secret.equals(""));
    CHECK(Secret().equals(""));
    CHECK_FALSE(Secret().equals("x"));
}

TEST_CASE("a moved-from secret holds nothing, neither short nor long") {
    for (const std::size_t length : {5u, 500u}) {
        Secret from(std::string(length, 's'));
        const Secret to(std::move(from));
        CHECK(to.reveal() == std::string(length, 's'));
        CHECK(from.empty());
        CHECK(from.reveal().data()[0] == '\0');
    }
    Secret same("abc");
    Secret& alias = same;
    same = alias;
    CHECK(same.equals("abc"));
}

TEST_CASE("a secret is read from a file beside the configuration, less one newline") {
    const Folder folder;
    folder.put("a", "top secret\n");
    folder.put("b", "two\n\n");
    folder.put("c", "windows\r\n");
    folder.put("empty", "\n");
    folder.put("huge", std::string(2 * 1024 * 1024, 'x'));
    CHECK(read_secret("file:a", folder.path())->reveal() == "top secret");
    CHECK(read_secret("file:b", folder.path())->reveal() == "two\n");
    CHECK(read_secret("file:c", folder.path())->reveal() == "windows");
    CHECK(read_secret("file:" + folder.path() + "/a", "/elsewhere")->reveal() == "top secret");
    for (const auto* reference : {"file:absent", "file:empty", "file:.", "file:huge", "file:/dev/zero"}) {
        CAPTURE(reference);
        const auto result = read_secret(reference, folder.path());
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Errc::not_found);
        CHECK(result.error().where == reference);
    }
}

TEST_CASE("raw bytes are taken as they are, a line of text without its end") {
    const Folder folder;
    const std::string control = std::string(31, '\x02') + "\n";
    const std::string broken = std::string(31, '\xee') + "\n";
    folder.put("control", control);
    folder.put("broken", broken);
    folder.put("thirty-one", std::string(31, 'k') + "\n");
    folder.put("pem", "-----BEGIN\r\n\tKEY\r\n");
    CHECK(read_secret("file:control", folder.path())->reveal() == control);
    CHECK(read_secret("file:broken", folder.path())->reveal() == broken);
    CHECK(read_secret("file:thirty-one", folder.path())->reveal() == std::string(31, 'k'));
    CHECK(read_secret("file:pem", folder.path())->reveal() == "-----BEGIN\r\n\tKEY");
}

TEST_CASE("a file that is not there is not blamed on its permissions") {
    const Folder folder;
    const auto absent = read_secret("file:absent", folder.path());
    REQUIRE_FALSE(absent);
    CHECK(absent.error().text().find("no such file") != std::string::npos);
    CHECK(absent.error().text().find("readable") == std::string::npos);
}

TEST_CASE("a secret is read from the environment only when asked to") {
    ::setenv("TIDEGATE_TEST_SECRET", "from env", 1);
    ::setenv("TIDEGATE_TEST_EMPTY", "", 1);
    CHECK(read_secret("env:TIDEGATE_TEST_SECRET", "")->reveal() == "from env");
    CHECK(read_secret("env:TIDEGATE_TEST_EMPTY", "").error().code == Errc::not_found);
    CHECK(read_secret("env:TIDEGATE_TEST_ABSENT", "").error().code == Errc::not_found);
    ::unsetenv("TIDEGATE_TEST_SECRET");
    ::unsetenv("TIDEGATE_TEST_EMPTY");
}

TEST_CASE("a secret written inline is refused without being repeated") {
    for (const auto* reference : {"hunter2-hunter2", "", "file:", "env:", "FILE:hunter2"}) {
        CAPTURE(reference);
        const auto result = read_secret(reference, "/");
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Errc::invalid);
        CHECK(result.error().text().find("hunter2") == std::string::npos);
    }
}

TEST_CASE("a mask shows four characters of a long address and none of a short one") {
    CHECK(mask("0123456789abcdef7f3a") == "\u20267f3a");
    CHECK(mask("12345678") == "\u20265678");
    CHECK(mask("1234567") == "\u2026");
    CHECK(mask("") == "\u2026");
    CHECK(mask("\ud55c\uad6d\uc5b4\ud55c\uad6d\uc5b4\ud55c\uad6d") == "\u2026\uad6d\uc5b4\ud55c\uad6d");
    CHECK(mask("\ud55c\uad6d\uc5b4") == "\u2026");
    CHECK(mask("aaaaaaaaaaaa\xff") == "\u2026");
    CHECK(mask("12345678\n90a") == "\u2026?90a");
}
