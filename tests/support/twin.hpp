#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/places.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace tidegate::test {

inline std::string program(const std::string& name) {
    return bin_dir() + "/" + name;
}

/// Asks until `true_now` says yes; false when it did not in time.
template <class Condition>
bool eventually(std::chrono::milliseconds limit, Condition true_now) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!true_now()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

struct HttpAnswer {
    int status = 0;  ///< 0: nobody answered
    std::string body;
};

/// One plain HTTP/1.1 request to loopback; `head` is further header lines, each with its CRLF.
inline HttpAnswer http(std::uint16_t port, const std::string& method, const std::string& target,
                       const std::string& head = {}, const std::string& body = {}) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const timeval patience{10, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string text;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        const std::string request = method + ' ' + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" +
                                    head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
            char buffer[4096];
            for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
                text.append(buffer, static_cast<std::size_t>(got));
            }
        }
    }
    ::close(fd);
    if (text.size() < 12) return {};
    const auto end = text.find("\r\n\r\n");
    return {std::stoi(text.substr(9, 3)), end == std::string::npos ? "" : text.substr(end + 4)};
}

/// One line of the twin's log.
struct Arrival {
    std::int64_t ms = 0;  ///< since the epoch
    std::string channel, address, id, key;
    int status = 0;
};

/// The practice bank as a process, with its log of what arrived.
class Twin {
  public:
    /// Few customers and no opens, unless `more` says otherwise. Its log goes on where one of the same directory ended.
    explicit Twin(const TempDir& dir, std::vector<std::string> more = {}) : log_(dir.file("arrivals.jsonl")) {
        const std::string ports_file = dir.file("ports.json");
        ::unlink(ports_file.c_str());
        std::vector<std::string> arguments{
            program("tidegate-twin"), "--port-file", ports_file, "--log", log_, "--tls-dir", dir.file("keys")};
        arguments.insert(arguments.end(), more.begin(), more.end());
        for (const auto& [option, usual] : {std::pair("--baseline", "20"), std::pair("--open-rate", "0")})
            if (std::find(more.begin(), more.end(), option) == more.end())
                arguments.insert(arguments.end(), {option, usual});
        process_ = std::make_unique<Process>(Process::spawn(arguments, dir.file("twin.out"), dir.file("twin.err")));
        const bool up = eventually(std::chrono::seconds(30), [&] { return ::access(ports_file.c_str(), R_OK) == 0; });
        if (!up) throw std::runtime_error("the twin did not come up: " + read_file(dir.file("twin.err")));
        ports_ = nlohmann::json::parse(read_file(ports_file)).get<std::map<std::string, std::uint16_t>>();
    }

    std::uint16_t port(const std::string& name) const { return ports_.at(name); }
    std::string url(const std::string& name, const std::string& path = {}) const {
        return (name == "apns" ? "https" : "http") + ("://127.0.0.1:" + std::to_string(port(name))) + path;
    }
    /// Arguments for another twin in this one's place.
    std::vector<std::string> same_ports() const {
        std::vector<std::string> arguments;
        for (const char* name : {"ops", "fcm", "webhook", "apns", "solapi", "nhn"}) {
            arguments.push_back(std::string("--") + name + "-port");
            arguments.push_back(std::to_string(port(name)));
        }
        return arguments;
    }
    /// "provider=hang", "telemetry=dead", ...
    bool fault(const std::string& wanted) const { return http(port("ops"), "POST", "/fault?" + wanted).status == 200; }
    void kill() { process_->signal(SIGKILL), process_->wait(std::chrono::seconds(10)); }

    /// Reads what was appended since the last call; whole lines only.
    const std::vector<Arrival>& arrivals() {
        std::ifstream in(log_, std::ios::binary);
        in.seekg(static_cast<std::streamoff>(read_));
        for (std::string line; std::getline(in, line) && !in.eof();) {
            read_ += line.size() + 1;
            const auto entry = nlohmann::json::parse(line);
            arrivals_.push_back(
                {entry["t"], entry["channel"], entry["address"], entry["id"], entry["key"], entry["status"]});
        }
        return arrivals_;
    }
    /// How often each address was given a message, refusals left out.
    std::map<std::string, int> taken() {
        std::map<std::string, int> count;
        for (const Arrival& one : arrivals()) {
            if (one.status == 200 || one.status == 0) ++count[one.address];
        }
        return count;
    }

  private:
    std::string log_;
    std::unique_ptr<Process> process_;
    std::map<std::string, std::uint16_t> ports_;
    std::size_t read_ = 0;
    std::vector<Arrival> arrivals_;
};

/// The `tidegate` command under way, with its words in files of its own.
class Cli {
  public:
    Cli(const TempDir& dir, std::vector<std::string> arguments) {
        static int number = 0;
        const std::string stem = dir.file("cli-" + std::to_string(++number));
        out_ = stem + ".out";
        err_ = stem + ".err";
        if (arguments.front() != "sh") arguments.insert(arguments.begin(), program("tidegate"));
        process_ = std::make_unique<Process>(Process::spawn(arguments, out_, err_));
    }
    Process& process() { return *process_; }
    /// The exit code; -1 when it still runs after `limit`.
    int wait(std::chrono::milliseconds limit = std::chrono::seconds(60)) { return process_->wait(limit).value_or(-1); }
    std::string out() const { return read_file(out_); }
    std::string err() const { return read_file(err_); }
    /// The last line of standard output; null when it is no JSON.
    nlohmann::json json() const {
        std::string text = out();
        while (!text.empty() && text.back() == '\n') text.pop_back();
        const auto parsed = nlohmann::json::parse(text.substr(text.rfind('\n') + 1), nullptr, false);
        return parsed.is_discarded() ? nlohmann::json() : parsed;
    }

  private:
    std::string out_, err_;
    std::unique_ptr<Process> process_;
};

/// What a finished command left behind.
struct CliResult {
    int code = -1;
    std::string out, err;
    nlohmann::json json;
};

inline CliResult cli(const TempDir& dir, std::vector<std::string> arguments,
                     std::chrono::milliseconds limit = std::chrono::seconds(60)) {
    Cli command(dir, std::move(arguments));
    const int code = command.wait(limit);
    return {code, command.out(), command.err(), command.json()};
}

/// The promises of the report that do not hold, in words (design: `rows = malformed + duplicates + recipients`,
/// `recipients = sum of outcomes`, skipped = sum of its reasons).
inline std::vector<std::string> broken_promises(const nlohmann::json& report) {
    std::vector<std::string> broken;
    if (!report.is_object() || report.value("schema", 0) != 1) return {"not a report"};
    const auto sum = [](const nlohmann::json& object) {
        std::uint64_t all = 0;
        for (const auto& value : object) all += value.get<std::uint64_t>();
        return all;
    };
    const auto& audience = report["audience"];
    const auto recipients = audience["recipients"].get<std::uint64_t>();
    if (audience["rows"].get<std::uint64_t>() !=
        audience["malformed"].get<std::uint64_t>() + audience["duplicates"].get<std::uint64_t>() + recipients) {
        broken.push_back("rows = malformed + duplicates + recipients");
    }
    if (recipients != sum(report["outcomes"])) broken.push_back("recipients = sum of outcomes");
    if (report["outcomes"]["skipped"] != sum(report["skipped"])) broken.push_back("skipped = sum of its reasons");
    if (report["attempts"].get<std::uint64_t>() + sum(report["skipped"]) < report["deliveries"].get<std::uint64_t>()) {
        broken.push_back("a delivery without an attempt");
    }
    std::uint64_t in_cohorts = 0;
    for (const auto& cohort : report["cohorts"]) in_cohorts += cohort["recipients"].get<std::uint64_t>();
    if (!report["cohorts"].empty() && in_cohorts != recipients) broken.push_back("recipients = sum of cohorts");
    return broken;
}

inline int mode_of(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 0777) : -1;
}

/// An audience of `count` people "m000001".. whose webhook address is their key with "@" in front.
inline std::string webhook_audience(std::size_t count) {
    std::string text = "id,hook,name\n";
    for (std::size_t i = 1; i <= count; ++i) {
        char line[64];
        std::snprintf(line, sizeof line, "m%06zu,@m%06zu,Kim%zu\n", i, i, i);
        text += line;
    }
    return text;
}

}  // namespace tidegate::test
