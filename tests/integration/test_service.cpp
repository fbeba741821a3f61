// examples/service as a process: campaigns over HTTP, a stop in the middle, and who got what in the end.

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "support/campaign_text.hpp"
#include "support/twin.hpp"

using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

/// The practice bank, the service's directories, and the service itself, which may live several times.
struct Desk {
    TempDir dir;
    Twin twin{dir};
    CampaignText house = CampaignText::over_webhook(twin, "in_flight = 20\n");
    std::optional<Process> process;
    std::uint16_t port = 0;

    explicit Desk(const std::string& per_second = "300") {
        house.id = "house";
        house.audience = "key = \"id\"\n";
        house.limits = "per_second = " + per_second + "\n";
        dir.write("token", "opensesame\n");
        ::mkdir(dir.file("audiences").c_str(), 0700);
        dir.write("audiences/people.csv", webhook_audience(900));
    }

    void start() {
        const std::string file = house.write(dir);
        auto [child, chosen] = spawn_server(
            [&](std::uint16_t candidate) {
                return std::vector<std::string>{program("tidegate-service"),
                                                "--house",
                                                file,
                                                "--audiences",
                                                dir.file("audiences"),
                                                "--state",
                                                dir.file("state"),
                                                "--token",
                                                dir.file("token"),
                                                "--listen",
                                                "127.0.0.1:" + std::to_string(candidate)};
            },
            dir.file("service.log"));
        process.emplace(std::move(child));
        port = chosen;
    }
    /// SIGTERM; the exit code.
    int stop() {
        process->signal(SIGTERM);
        return process->wait(20s).value_or(-1);
    }

    HttpAnswer ask(const std::string& method, const std::string& target, const std::string& body = {}) {
        return http(port, method, target, "Authorization: Bearer opensesame\r\n", body);
    }
    nlohmann::json get(const std::string& target) { return nlohmann::json::parse(ask("GET", target).body); }
    HttpAnswer post(const std::string& id, const std::string& file = "people.csv", const std::string& more = {}) {
        return ask("POST", "/campaigns", request(id, file, more));
    }
    static std::string request(const std::string& id, const std::string& file, const std::string& more) {
        return R"({"id": ")" + id + R"(", "audience": ")" + file +
               R"(", "message": {"body": "{{name}}, we open at nine"})" + more + "}";
    }
    bool reaches(const std::string& id, const std::string& state) {
        return eventually(30s, [&] {
            const auto told = get("/campaigns/" + id);
            return told["result"].is_object() && told["result"]["state"] == state && told["stage"] == "ended";
        });
    }
    bool arrived(std::size_t count) {
        return eventually(30s, [&] { return twin.arrivals().size() >= count; });
    }
};

std::string words_of(const HttpAnswer& answer) {
    const auto body = nlohmann::json::parse(answer.body, nullptr, false);
    if (!body.is_object() || !body.contains("errors")) return "no JSON errors: " + answer.body;
    std::string all;
    for (const auto& error : body["errors"]) {
        all += error["where"].get<std::string>() + ": " + error["what"].get<std::string>() + " (" +
               error["hint"].get<std::string>() + ")\n";
    }
    return all;
}

bool says(const HttpAnswer& answer, const std::string& word) {
    return words_of(answer).find(word) != std::string::npos;
}

}  // namespace

TEST_CASE("campaigns accepted before a SIGTERM are finished by the next process, and nobody is lost or doubled") {
    Desk desk;
    std::string others = "id,hook,name\n";
    for (int i = 0; i < 300; ++i) others += "n" + std::to_string(i) + ",@n" + std::to_string(i) + ",Lee\n";
    desk.dir.write("audiences/others.csv", others);
    desk.start();
    CHECK(desk.post("first").status == 202);
    CHECK(desk.post("second", "others.csv").status == 202);
    REQUIRE(desk.arrived(200));
    CHECK(desk.stop() == 0);
    const std::size_t before = desk.twin.arrivals().size();
    CHECK(before < 1200);

    desk.start();
    CHECK(desk.reaches("first", "completed"));
    CHECK(desk.reaches("second", "completed"));
    const auto taken = desk.twin.taken();
    CHECK(taken.size() == 1200);
    for (const auto& [address, times] : taken) CHECK_MESSAGE(times == 1, address);
    const auto told = desk.get("/campaigns/first");
    CHECK(told["report"]["outcomes"]["accepted"] == 900);
    CHECK(broken_promises(told["report"]).empty());
    CHECK(told["progress"]["pending"] == 0);
    CHECK(desk.stop() == 0);

    desk.start();  // finished ones are not sent again, and still have their report
    const auto later = desk.get("/campaigns/first");
    CHECK(later["stage"] == "ended");
    CHECK(later["report"]["outcomes"]["accepted"] == 900);
    CHECK(desk.get("/campaigns")["campaigns"].size() == 2);
    CHECK(desk.post("first").status == 200);
    CHECK(desk.post("first", "others.csv").status == 409);
    CHECK(desk.stop() == 0);
    CHECK(desk.twin.arrivals().size() == 1200);
}

TEST_CASE("a campaign that was accepted and not begun when the service was killed is begun by the next one") {
    Desk desk("5000");
    desk.start();
    REQUIRE(desk.post("killed").status == 202);
    desk.process->signal(SIGKILL);
    desk.process->wait(10s);
    desk.start();
    REQUIRE(eventually(30s, [&] { return desk.get("/campaigns/killed")["result"].is_object(); }));
    const auto outcomes = desk.get("/campaigns/killed")["report"]["outcomes"];
    // What was on the wire at the kill stays in doubt: the receiver has not said that it drops repeats.
    CHECK(outcomes["accepted"].get<int>() + outcomes["unknown"].get<int>() == 900);
    CHECK(outcomes["unknown"].get<int>() <= 20);
    for (const auto& [address, times] : desk.twin.taken()) CHECK_MESSAGE(times == 1, address);
}

TEST_CASE("a paused campaign waits, a resumed one goes on, an aborted one is over") {
    Desk desk;
    desk.start();
    REQUIRE(desk.post("one").status == 202);
    REQUIRE(desk.arrived(50));
    CHECK(desk.ask("POST", "/campaigns/one/pause").status == 200);
    std::this_thread::sleep_for(500ms);
    const auto waiting = desk.twin.arrivals().size();
    std::this_thread::sleep_for(500ms);
    CHECK(desk.twin.arrivals().size() == waiting);
    CHECK(desk.get("/campaigns/one")["progress"]["paused"] == true);
    CHECK(desk.ask("POST", "/campaigns/one/resume").status == 200);
    CHECK(desk.arrived(waiting + 50));
    CHECK(desk.ask("POST", "/campaigns/one/opens", R"({"count": 3, "from": 1, "to": 2})").status == 400);
    const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    const nlohmann::json opens{{"count", 3}, {"from", now - 1}, {"to", now}};
    CHECK(desk.ask("POST", "/campaigns/one/opens", opens.dump()).status == 200);
    CHECK(desk.ask("POST", "/campaigns/one/abort").status == 200);
    CHECK(desk.reaches("one", "aborted"));
    CHECK(desk.ask("POST", "/campaigns/one/resume").status == 409);
    CHECK(desk.stop() == 0);
    desk.start();
    CHECK(desk.get("/campaigns/one")["result"]["state"] == "aborted");
}

TEST_CASE("what cannot be accepted is refused in words, and nothing is sent or kept") {
    Desk desk;
    desk.dir.write("secret.csv", webhook_audience(1));
    REQUIRE(::symlink(desk.dir.file("secret.csv").c_str(), desk.dir.file("audiences/link.csv").c_str()) == 0);
    desk.start();

    CHECK(http(desk.port, "GET", "/campaigns").status == 401);
    CHECK(says(http(desk.port, "GET", "/campaigns", "Authorization: Bearer opensesam\r\n"), "token"));
    CHECK(desk.ask("POST", "/campaigns", "not JSON").status == 400);
    for (const char* file : {"../secret.csv", "link.csv", "absent.csv", "", ".", "/etc/passwd"}) {
        CAPTURE(file);
        const HttpAnswer answer = desk.post("x", file);
        CHECK(answer.status == 400);
        CHECK(says(answer, "there is no such file"));
    }
    CHECK(desk.post("x", desk.dir.file("secret.csv")).status == 400);
    CHECK(says(desk.post("x", "people.csv", R"(, "deadlin": "2030-01-01")"), "did you mean \"deadline\""));
    CHECK(says(desk.post("x", "people.csv", R"(, "per_second": 301)"), "per_second"));
    CHECK(says(desk.post("../x"), "id"));
    const HttpAnswer both = desk.ask("POST", "/campaigns", R"({"id": "x"})");
    CHECK(says(both, "audience"));
    CHECK(says(both, "message"));
    const HttpAnswer large = desk.ask("POST", "/campaigns", std::string(100'000, ' '));
    CHECK(large.status == 413);
    CHECK(says(large, "64 KiB"));
    CHECK(desk.ask("GET", "/campaigns/x").status == 404);
    CHECK(says(desk.ask("GET", "/nothing"), "no such resource"));
    CHECK(desk.ask("POST", "/backends/nobody/samples", R"({"at": 1})").status == 400);
    CHECK(desk.ask("POST", "/reports/kakao", "{}").status == 404);
    // A vendor has no token of ours; an account that gives no reports takes none, whoever asks.
    CHECK(http(desk.port, "POST", "/reports/hook", "X-Toast-Webhook-Signature: \r\n", "{}").status == 401);
    CHECK(desk.get("/campaigns")["campaigns"].empty());
    CHECK(desk.stop() == 0);
    CHECK(desk.twin.arrivals().empty());
}
