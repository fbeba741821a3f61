// The disk under the ledger fails while a campaign is under way.

#include <doctest/doctest.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>

#include "support/scene.hpp"

using namespace tidegate::test;
using namespace std::chrono_literals;

TEST_CASE("a ledger that cannot grow ends the run with 5 after its grace, and with room again everybody is reached") {
    Scene scene;
    scene.dir.write("people.csv", webhook_audience(3000));
    scene.text = CampaignText::over_webhook(*scene.twin);
    scene.text.campaign = "on_unknown = \"never\"\n";
    scene.text.limits = "per_second = 400\n";
    auto begin = scene.line();
    begin.insert(begin.end(), {"--limit", "1"});
    REQUIRE(cli(scene.dir, begin).code == 4);

    // No file may grow past the ledger's present size and a little: writing fails as it does on a full disk.
    std::uintmax_t largest = 0;
    for (const auto& entry : std::filesystem::directory_iterator(scene.dir.file("ledger"))) {
        largest = std::max(largest, entry.file_size());
    }
    std::string command =
        "trap '' XFSZ; ulimit -f " + std::to_string(largest / 512 + 200) + "; exec " + program("tidegate");
    for (const std::string& word : scene.line()) command += " '" + word + "'";
    const auto begun = std::chrono::steady_clock::now();
    Cli starved(scene.dir, {"sh", "-c", command});
    CHECK_MESSAGE(starved.wait(70s) == 5, starved.err());
    CHECK(std::chrono::steady_clock::now() - begun > 25s);
    CHECK(starved.err().find("ledger cannot be written") != std::string::npos);
    const std::size_t sent = scene.twin->arrivals().size();
    CHECK(sent > 1);
    CHECK(sent < 3000);
    scene.check_promises();

    const CliResult rest = cli(scene.dir, scene.line());
    CHECK_MESSAGE(rest.code == 0, rest.err);
    CHECK(rest.json["outcomes"]["pending"] == 0);
    CHECK(rest.json["outcomes"]["accepted"].get<int>() + rest.json["outcomes"]["unknown"].get<int>() == 3000);
    const auto taken = scene.twin->taken();
    CHECK(taken.size() + rest.json["outcomes"]["unknown"].get<std::size_t>() >= 3000);
    for (const auto& [address, times] : taken) CHECK_MESSAGE(times == 1, address);
    scene.check_promises();
}

namespace {

/// A small filesystem of its own, where the kernel allows one.
class SmallDisk {
  public:
    SmallDisk(const std::string& path, const std::string& size) : path_(path) {
        std::filesystem::create_directory(path);
        mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, ("size=" + size + ",mode=0700").c_str()) == 0;
    }
    ~SmallDisk() {
        if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    bool mounted() const { return mounted_; }
    /// Writes until nothing fits any more.
    void fill() const {
        std::ofstream out(path_ + "/filler", std::ios::binary);
        const std::string block(4096, 'x');
        while (out.write(block.data(), static_cast<std::streamsize>(block.size())) && out.flush()) {
        }
    }
    void free() const { std::filesystem::remove(path_ + "/filler"); }

  private:
    std::string path_;
    bool mounted_ = false;
};

}  // namespace

TEST_CASE("a full disk stops the flow; freed in time, the same run goes on to its end") {
    Scene scene;
    const SmallDisk disk(scene.dir.file("disk"), "64m");
    if (!disk.mounted()) {
        MESSAGE("skipped: a filesystem of its own cannot be mounted here; the file size limit above covers exit 5");
        return;
    }
    scene.dir.write("people.csv", webhook_audience(4000));
    scene.text = CampaignText::over_webhook(*scene.twin);
    scene.text.limits = "per_second = 400\n";
    auto line = scene.line();
    line.insert(line.end(), {"--ledger", scene.dir.file("disk/ledger")});
    Cli sender(scene.dir, line);
    REQUIRE(scene.arrived(400));
    disk.fill();
    REQUIRE(eventually(20s, [&] { return sender.err().find("ledger cannot be written") != std::string::npos; }));
    std::this_thread::sleep_for(500ms);
    const std::size_t stopped_at = scene.twin->arrivals().size();
    std::this_thread::sleep_for(2s);
    CHECK(scene.twin->arrivals().size() == stopped_at);
    disk.free();
    CHECK_MESSAGE(sender.wait(60s) == 0, sender.err());
    CHECK_MESSAGE(broken_promises(sender.json()).empty(), sender.out());
    scene.all_got_it(4000);
}
