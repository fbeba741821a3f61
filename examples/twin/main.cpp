// A bank to practise on. See README.md.

#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include "apns.hpp"
#include "audience.hpp"
#include "bank.hpp"
#include "credentials.hpp"
#include "crowd.hpp"
#include "customers.hpp"
#include "korea.hpp"
#include "mailbox.hpp"
#include "measures.hpp"
#include "ops.hpp"
#include "providers.hpp"
#include "tidegate/base/secret.hpp"
#include "tidegate/base/text.hpp"

namespace {

using namespace twin;

struct TwinOptions {
    BankOptions bank;
    CrowdOptions crowd;
    std::string slo = "300ms", patience = "2500ms", median = "2s";
    std::string port_file, log, tls_dir, webhook_secret, vendor_secret, report_after = "500ms";
    std::uint16_t ops_port = 0, fcm_port = 0, webhook_port = 0, apns_port = 0, solapi_port = 0, nhn_port = 0;
};

Duration duration(const char* option, const std::string& text) {
    const auto parsed = tidegate::parse_duration(text);
    if (!parsed) throw std::runtime_error(std::string(option) + ": " + parsed.error().text());
    return *parsed;
}

/// Raises the limit of open files as far as we may; returns it.
std::size_t most_files() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    rlimit wished = limit;
    wished.rlim_cur = wished.rlim_max = std::max<rlim_t>(limit.rlim_max, 65536);
    if (::setrlimit(RLIMIT_NOFILE, &wished) != 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<std::size_t>(limit.rlim_cur);
}

/// Ends the loop on SIGTERM and SIGINT.
class Farewell final : public Pollable {
  public:
    explicit Farewell(Loop& loop) : loop_(loop) {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        ::sigprocmask(SIG_BLOCK, &signals, nullptr);
        fd_ = Fd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
        loop_.watch(fd_.get(), EPOLLIN, this);
    }
    void ready(std::uint32_t) override { loop_.stop(); }

  private:
    Loop& loop_;
    Fd fd_;
};

/// Written beside and renamed, so that a reader never sees half of it.
void write_ports(const std::string& path, const std::string& text) {
    const std::string draft = path + ".new";
    {
        std::ofstream file(draft, std::ios::trunc);
        file << text << '\n';
        if (!file.flush()) throw std::runtime_error("cannot write " + draft);
    }
    std::filesystem::rename(draft, path);
}

int serve(TwinOptions options) {
    const Duration slo = duration("--slo", options.slo), patience = duration("--patience", options.patience);
    options.crowd.median = tidegate::Seconds(duration("--median", options.median)).count();
    std::string webhook_secret;
    if (!options.webhook_secret.empty()) {
        const auto secret = tidegate::read_secret("file:" + options.webhook_secret, ".");
        if (!secret) throw std::runtime_error("--webhook-secret: " + secret.error().text());
        webhook_secret = secret->reveal();
    }
    KoreaOptions korea;
    korea.report_after_s = tidegate::Seconds(duration("--report-after", options.report_after)).count();
    if (!options.vendor_secret.empty()) {
        const auto secret = tidegate::read_secret("file:" + options.vendor_secret, ".");
        if (!secret) throw std::runtime_error("--vendor-secret: " + secret.error().text());
        korea.secret = secret->reveal();
    }
    options.bank.seed = options.crowd.seed;

    // A customer's connection has both of its ends in this process; the rest is for providers and the site's own port.
    const std::size_t files = most_files(), customers_at_most = files > 4000 ? (files - 2500) / 2 : files / 4;

    Loop loop;
    Farewell farewell(loop);
    Bank bank(loop, options.bank);
    Crowd crowd(loop, options.crowd);
    Measures* measuring = nullptr;
    Customers customers(loop, bank.port(), patience, customers_at_most, [&](const Customers::Answer& answer) {
        measuring->answered(answer);
        crowd.answered(answer);
    });
    Measures measures(loop, bank, customers, slo);
    measuring = &measures;
    Mailbox mailbox(
        options.log, [&](TimePoint at) { measures.sent(at); },
        [&](std::string_view address, TimePoint at) { crowd.delivered(address, at); });
    Ops ops(loop, options.ops_port, bank, crowd, mailbox, measures);
    FcmEndpoint fcm(loop, options.fcm_port, mailbox);
    WebhookEndpoint webhook(loop, options.webhook_port, mailbox, webhook_secret);
    SolapiEndpoint solapi(loop, options.solapi_port, mailbox, korea);
    NhnEndpoint nhn(loop, options.nhn_port, mailbox, korea);
    std::unique_ptr<ApnsEndpoint> apns;
    if (!options.tls_dir.empty()) {
        write_credentials(options.tls_dir, "http://127.0.0.1:" + std::to_string(fcm.port()) + "/token");
        const auto paths = credential_files(options.tls_dir);
        apns = std::make_unique<ApnsEndpoint>(loop, options.apns_port, mailbox, paths.server_certificate,
                                              paths.server_key);
    }
    std::string ports = R"({"bank":)" + std::to_string(bank.port()) + R"(,"ops":)" + std::to_string(ops.port()) +
                        R"(,"fcm":)" + std::to_string(fcm.port()) + R"(,"webhook":)" + std::to_string(webhook.port()) +
                        R"(,"solapi":)" + std::to_string(solapi.port()) + R"(,"nhn":)" + std::to_string(nhn.port());
    if (apns) ports += R"(,"apns":)" + std::to_string(apns->port());
    ports += '}';
    if (options.port_file.empty()) {
        std::fprintf(stderr, "%s\n", ports.c_str());
    } else {
        write_ports(options.port_file, ports);
    }
    crowd.begin(customers, measures);
    loop.run();
    std::printf("%s\n", ops.summary(false).c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"tidegate-twin: a bank to practise on, with its customers and its push providers"};
    TwinOptions options;
    app.add_option("--port-file", options.port_file, "write the ports here as JSON once all listen (else: stderr)");
    app.add_option("--capacity", options.bank.capacity, "requests/s the bank can do")->check(CLI::PositiveNumber);
    app.add_option("--workers", options.bank.workers, "requests it does at once")->check(CLI::Range(1, 4096));
    app.add_option("--jitter", options.bank.jitter, "sigma of the log-normal service time")
        ->check(CLI::Range(0.0, 3.0));
    app.add_option("--queue", options.bank.queue_seconds, "seconds of work that may wait; more is turned away with 503")
        ->check(CLI::NonNegativeNumber);
    app.add_flag("--collapse", options.bank.collapse, "a row lock takes half of the capacity past the knee");
    app.add_option("--slo", options.slo, "p99 above this counts as a second over the SLO");
    app.add_option("--patience", options.patience, "customers give up after this");
    app.add_option("--baseline", options.crowd.baseline, "requests/s without any campaign")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--open-rate", options.crowd.open_rate, "share of members who open")->check(CLI::Range(0.0, 1.0));
    app.add_option("--median", options.median, "median lag from message to open");
    app.add_option("--spread", options.crowd.spread, "sigma of the log-normal lag")->check(CLI::Range(0.0, 4.0));
    app.add_option("--per-open", options.crowd.per_open, "requests of one open")->check(CLI::Range(0.0, 1000.0));
    app.add_option("--per-delivery", options.crowd.per_delivery, "requests of one delivery")
        ->check(CLI::Range(0.0, 1000.0));
    app.add_option("--retry", options.crowd.retry, "share of failed customers who try once more")
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--seed", options.crowd.seed, "of everything drawn");
    app.add_option("--log", options.log, "append every provider request as a JSON line");
    app.add_option("--webhook-secret", options.webhook_secret, "file with the secret webhook requests are signed with");
    app.add_option("--vendor-secret", options.vendor_secret,
                   "file with the secret of the Alimtalk and SMS vendors; without it, \"twin-secret\"");
    app.add_option("--report-after", options.report_after, "from a vendor's taking a message to its report");
    app.add_option("--tls-dir", options.tls_dir,
                   "serve APNs with the certificate there; credentials that are missing are made, with our token_uri");
    app.add_option("--bank-port", options.bank.port, "0 = any free port, as for the others");
    app.add_option("--ops-port", options.ops_port);
    app.add_option("--fcm-port", options.fcm_port);
    app.add_option("--webhook-port", options.webhook_port);
    app.add_option("--apns-port", options.apns_port);
    app.add_option("--solapi-port", options.solapi_port);
    app.add_option("--nhn-port", options.nhn_port);

    std::string folder, token_uri;
    auto* credentials = app.add_subcommand("credentials", "write made-up credentials and exit");
    credentials->add_option("DIR", folder, "created when missing")->required();
    credentials->add_option("--token-uri", token_uri, "the service account's token endpoint");

    AudienceOptions audience;
    auto* people = app.add_subcommand("audience", "write a made-up recipients.csv and exit");
    people->add_option("--recipients", audience.recipients, "how many");
    people->add_option("--seed", audience.seed, "the same seed makes the same people");
    people->add_option("--apns-share", audience.apns_share, "share with only an iOS token")
        ->check(CLI::Range(0.0, 1.0));
    people->add_option("--dead-share", audience.dead_share, "share with a token no longer known")
        ->check(CLI::Range(0.0, 1.0));
    people->add_option("--out", audience.out, "the file")->required();
    app.require_subcommand(0, 1);
    CLI11_PARSE(app, argc, argv);

    try {
        if (credentials->parsed()) return write_credentials(folder, token_uri), 0;
        if (people->parsed()) return write_audience(audience), 0;
        return serve(std::move(options));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "tidegate-twin: %s\n", error.what());
        return 2;
    }
}
