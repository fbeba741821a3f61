// A small marketing service: campaigns come in over HTTP, one Gate sends them all. See README.md.

#include <signal.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <tidegate/base/log.hpp>
#include <tidegate/delivery/config.hpp>

#include "surface.hpp"

namespace {

using namespace std::chrono_literals;

constexpr const char* usage =
    "usage: tidegate-service --house FILE --audiences DIR --state DIR --token FILE [--listen HOST:PORT]\n"
    "  --house      campaign file with its site: what every campaign here has in common\n"
    "  --audiences  the only directory that audience files are taken from\n"
    "  --state      where accepted requests and ledgers lie; made when absent\n"
    "  --token      file with the bearer token that requests must carry\n"
    "  --listen     default 127.0.0.1:8800; port 0 takes any free one\n";

int tell(const tidegate::Faults& faults) {
    for (const tidegate::Error& fault : faults) std::cerr << "error: " << fault.text() << '\n';
    return 2;
}

std::map<std::string, std::string> read_arguments(int argc, char** argv) {
    std::map<std::string, std::string> given{{"--listen", "127.0.0.1:8800"}};
    for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
    if (argc % 2 == 0) given["?"] = "an option without its value";
    return given;
}

}  // namespace

int main(int argc, char** argv) {
    const auto given = read_arguments(argc, argv);
    for (const char* name : {"--house", "--audiences", "--state", "--token"}) {
        if (!given.contains(name)) return std::cerr << usage, 2;
    }
    const std::string& listen = given.at("--listen");
    const auto colon = listen.rfind(':');
    if (given.size() != 5 || colon == std::string::npos) return std::cerr << usage, 2;

    // Threads inherit this mask, so the signals wait until `sigwait` below asks for them.
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &stops, nullptr);

    auto house_file = tidegate::load_campaign(given.at("--house"));
    if (!house_file) return tell(house_file.error());
    auto token = tidegate::read_secret("file:" + given.at("--token"), ".");
    if (!token) return tell({token.error()});
    const std::string& state = given.at("--state");
    std::error_code failed;
    std::filesystem::create_directories(state, failed);
    std::filesystem::permissions(state, std::filesystem::perms::owner_all, failed);
    if (failed) return std::cerr << "error: " << state << ": " << failed.message() << '\n', 2;

    auto gate = tidegate::Gate::open(house_file->site, tidegate::system_clock(),
                                     {.log = tidegate::stderr_sink(), .history_dir = state + "/history"});
    if (!gate) return tell(gate.error());
    service::Desk desk(**gate, {house_file->site, house_file->campaign, given.at("--audiences"), state});
    if (auto taken_up = desk.take_up(); !taken_up) return tell({taken_up.error()});
    auto surface =
        service::Surface::open(desk, **gate, *token, listen.substr(0, colon), std::atoi(listen.c_str() + colon + 1));
    if (!surface) return tell({surface.error()});
    std::cout << "listening on " << listen.substr(0, colon) << ':' << (*surface)->port() << std::endl;

    int signal = 0;
    ::sigwait(&stops, &signal);

    // Nobody is asked any more, then nothing new is read, then what is on its way gets ten seconds to be answered. What
    // is left is in the ledgers, and the next start goes on with it.
    surface->reset();
    desk.close();
    const bool in_time = (*gate)->stop(tidegate::system_clock().now() + 10s);
    desk.note_results();
    std::cout << "stopped" << (in_time ? "" : "; some campaigns had to be cut short") << std::endl;
    return in_time ? 0 : 1;
}
