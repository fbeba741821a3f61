#pragma once

#include <string>

#include "support/temp_dir.hpp"
#include "support/twin.hpp"

namespace tidegate::test {

/// A one-file campaign over the twin's webhook, in pieces that a test may change before it writes them down.
struct CampaignText {
    std::string id = "practice";
    std::string campaign;  ///< more lines of [campaign]
    std::string audience = "file = \"people.csv\"\nkey = \"id\"\n";
    std::string address = "webhook = \"hook\"\n";
    std::string message = "title = \"hello\"\nbody = \"{{name}}, the branch opens at nine\"\n";
    std::string cohorts = "count = 1\n";
    std::string limits = "per_second = 2000\n";
    std::string channel;  ///< the whole [[channel]] table
    std::string backend;  ///< the whole [[backend]] table and [impact]

    /// Over the twin's webhook; `more` lines of the channel.
    static CampaignText over_webhook(const Twin& twin, const std::string& more = {}) {
        CampaignText text;
        text.channel =
            "[[channel]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"" + twin.url("webhook", "/push") + "\"\n" + more;
        return text;
    }

    /// Over the twin's FCM; people come from `push_people`.
    static CampaignText over_fcm(const Twin& twin, const std::string& more = {}) {
        CampaignText text;
        text.channel =
            "[[channel]]\nname = \"droid\"\nkind = \"fcm\"\ncredentials = \"file:keys/service-account.json\"\nurl = "
            "\"" +
            twin.url("fcm") + "\"\n" + more;
        text.audience = "file = \"people.csv\"\nkey = \"customer_id\"\n";
        text.address = "fcm = \"android_token\"\n";
        return text;
    }

    /// Over the twin's APNs (TLS, HTTP/2).
    static CampaignText over_apns(const Twin& twin, const std::string& more = {}) {
        CampaignText text = over_fcm(twin);
        text.channel =
            "[[channel]]\nname = \"ios\"\nkind = \"apns\"\nkey = \"file:keys/AuthKey.p8\"\nkey_id = \"ABC123DEFG\"\n"
            "team_id = \"TEAM123456\"\ntopic = \"com.bank.app\"\nca = \"keys/ca.crt\"\nurl = \"" +
            twin.url("apns") + "\"\n" + more;
        text.address = "apns = \"ios_token\"\n";
        return text;
    }

    /// Watched through the twin's telemetry, with an impact so small that only holds matter.
    CampaignText& watched(const Twin& twin, const std::string& max_age = "3s") {
        backend =
            "[[backend]]\nname = \"app-api\"\nlatency_slo = \"2s\"\nerror_slo = 0.5\ncapacity_hint = 100000\nmax_age = "
            "\"" +
            max_age + "\"\n[backend.signal]\nkind = \"json\"\nurl = \"" + twin.url("ops", "/json") +
            "\"\nevery = \"500ms\"\np99 = \"/p99\"\nload = \"/load\"\nerrors = \"/errors\"\nat = \"/at\"\nunit = "
            "\"ms\"\n"
            "[impact]\napp-api = { per_open = 0.01 }\n";
        return *this;
    }

    std::string text() const {
        return "[campaign]\nid = \"" + id + "\"\npurpose = \"informational\"\nzone = \"Asia/Seoul\"\n" + campaign +
               "[audience]\n" + audience + "[audience.address]\n" + address + "[message]\n" + message + "[cohorts]\n" +
               cohorts + "[limits]\n" + limits + channel + backend;
    }
    /// Writes it as `id`.toml and returns the path.
    std::string write(const TempDir& dir) const { return dir.write(id + ".toml", text()); }
};

/// Writes people.csv with registrations that FCM would take, or device tokens of APNs for a share of them.
inline void push_people(const TempDir& dir, std::size_t count, double apns_share = 0) {
    const std::vector<std::string> line{
        program("tidegate-twin"),   "audience", "--recipients",        std::to_string(count), "--apns-share",
        std::to_string(apns_share), "--out",    dir.file("people.csv")};
    if (Process::spawn(line).wait(std::chrono::seconds(20)) != 0) throw std::runtime_error("cannot make an audience");
}

}  // namespace tidegate::test
