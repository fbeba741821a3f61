#include "ops.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <span>

namespace twin {

namespace {

template <class Fault>
struct Named {
    std::string_view name;
    Fault fault;
};

constexpr Named<TelemetryFault> kTelemetry[] = {{"ok", TelemetryFault::none},
                                                {"dead", TelemetryFault::dead},
                                                {"frozen", TelemetryFault::frozen},
                                                {"nan", TelemetryFault::nan}};
constexpr Named<ProviderFault> kProvider[] = {{"ok", ProviderFault::none},         {"hang", ProviderFault::hang},
                                              {"garbage", ProviderFault::garbage}, {"500", ProviderFault::error},
                                              {"503", ProviderFault::unavailable}, {"429", ProviderFault::throttle}};

template <class Fault>
std::optional<Fault> find(std::span<const Named<Fault>> known, std::string_view name) {
    for (const auto& one : known) {
        if (one.name == name) return one.fault;
    }
    return std::nullopt;
}

template <class Fault>
std::string_view name_of(std::span<const Named<Fault>> known, Fault fault) {
    for (const auto& one : known) {
        if (one.fault == fault) return one.name;
    }
    return "?";
}

std::optional<double> positive(std::string_view text) {
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !(value >= 0 && value <= 1000))
        return {};
    return value;
}

/// Every value of a Prometheus page turned into NaN.
std::string without_values(const std::string& page) {
    std::string out;
    std::size_t at = 0;
    while (at < page.size()) {
        const auto end = std::min(page.find('\n', at), page.size());
        const auto line = std::string_view(page).substr(at, end - at);
        out += line.rfind('#', 0) == 0 ? line : line.substr(0, line.rfind(' '));
        out += line.rfind('#', 0) == 0 ? "\n" : " NaN\n";
        at = end + 1;
    }
    return out;
}

const char* kPageType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

Ops::Ops(Loop& loop, std::uint16_t port, Bank& bank, Crowd& crowd, Mailbox& mailbox, Measures& measures)
    : bank_(bank),
      crowd_(crowd),
      mailbox_(mailbox),
      measures_(measures),
      server_(loop, port, [this](HttpServer::Ticket ticket, const HttpRequest& request) { handle(ticket, request); }) {}

std::string Ops::summary(bool with_series) const {
    return measures_.summary(with_series) + ',' + mailbox_.summary() + '}';
}

std::string Ops::reading() const {
    const auto& now = measures_.reading();
    const auto value = [](double number) {
        char text[32];
        std::snprintf(text, sizeof text, "%.6g", number);
        return std::isfinite(number) ? std::string(text) : std::string("null");
    };
    char at[32];
    std::snprintf(at, sizeof at, "%.3f", now.at);
    return R"({"p99":)" + value(now.p99_ms) + R"(,"load":)" + value(now.load) + R"(,"errors":)" + value(now.errors) +
           R"(,"at":)" + at + R"(,"opens":)" + value(now.opens) + R"(,"lock_waits":)" + value(bank_.lock_waits()) + '}';
}

void Ops::telemetry(HttpServer::Ticket ticket, bool as_page) {
    const char* type = as_page ? kPageType : "application/json";
    std::string body;
    switch (telemetry_) {
        case TelemetryFault::dead:
            return server_.hang_up(ticket);
        case TelemetryFault::none:
            body = as_page ? measures_.page() : reading();
            break;
        case TelemetryFault::nan:
            // Bare NaN is no JSON; exporters write it all the same.
            body = as_page ? without_values(measures_.page())
                           : R"({"p99":NaN,"load":NaN,"errors":NaN,"at":)" + std::to_string(epoch_seconds()) + '}';
            break;
        case TelemetryFault::frozen: {
            // Old values under a fresh time: the exporter that hangs without knowing.
            body = as_page ? frozen_page_ : frozen_reading_;
            if (!as_page) {
                const auto from = body.find(R"("at":)") + 5, to = body.find(',', from);
                body.replace(from, to - from, std::to_string(epoch_seconds()));
            }
            break;
        }
    }
    server_.answer(ticket, {200, std::move(body), type, {}});
}

std::string Ops::faults() const {
    return R"({"capacity":)" + std::to_string(bank_.factor()) + R"(,"surge":)" + std::to_string(crowd_.surge()) +
           R"(,"telemetry":")" + std::string(name_of<TelemetryFault>(kTelemetry, telemetry_)) + R"(","provider":")" +
           std::string(name_of<ProviderFault>(kProvider, mailbox_.fault())) + R"(","dead":")" + mailbox_.dead() + "\"}";
}

HttpReply Ops::fault(const HttpRequest& request) {
    const auto refused = [](const std::string& why) {
        return HttpReply{400, R"({"error":")" + why + "\"}", "application/json", {}};
    };
    const auto question = request.target.find('?');
    auto wanted = question == std::string_view::npos ? std::vector<std::pair<std::string, std::string>>{}
                                                     : parse_form(request.target.substr(question + 1));
    for (auto& field : parse_form(request.body)) wanted.push_back(std::move(field));
    for (const auto& [name, value] : wanted) {
        if (name == "capacity" || name == "surge") {
            const auto factor = positive(value);
            if (!factor) return refused(name + " needs a factor from 0 to 1000");
            name == "capacity" ? bank_.set_factor(*factor) : crowd_.set_surge(*factor);
        } else if (name == "telemetry") {
            const auto fault = find<TelemetryFault>(kTelemetry, value);
            if (!fault) return refused("telemetry is ok, dead, frozen or nan");
            if (*fault == TelemetryFault::frozen && telemetry_ != TelemetryFault::frozen) {
                frozen_page_ = measures_.page();
                frozen_reading_ = reading();
            }
            telemetry_ = *fault;
        } else if (name == "provider") {
            const auto fault = find<ProviderFault>(kProvider, value);
            if (!fault) return refused("provider is ok, hang, garbage, 500, 503 or 429");
            mailbox_.set_fault(*fault);
        } else if (name == "dead") {
            if (value != "none" && value != "solapi" && value != "nhn") return refused("dead is none, solapi or nhn");
            mailbox_.set_dead(value);
        } else {
            return refused("unknown fault; known are capacity, surge, telemetry, provider and dead");
        }
    }
    return {200, faults(), "application/json", {}};
}

void Ops::handle(HttpServer::Ticket ticket, const HttpRequest& request) {
    const auto path = request.path();
    const bool get = request.method == "GET", post = request.method == "POST";
    if (get && path == "/metrics") return telemetry(ticket, true);
    if (get && path == "/json") return telemetry(ticket, false);
    HttpReply reply{
        404, R"({"error":"GET /metrics /json /summary /fault, POST /reset /fault"})", "application/json", {}};
    if (get && path == "/summary") {
        reply = {200, summary(true), "application/json", {}};
    } else if (get && path == "/fault") {
        reply = {200, faults(), "application/json", {}};
    } else if (post && path == "/fault") {
        reply = fault(request);
    } else if (post && path == "/reset") {
        measures_.reset();
        mailbox_.reset();
        crowd_.forget();
        reply = {200, "{}", "application/json", {}};
    }
    server_.answer(ticket, reply);
}

}  // namespace twin
