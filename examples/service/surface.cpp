#include "surface.hpp"

#include <httplib.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

namespace service {

namespace {

using nlohmann::json;
using tidegate::Seconds;

constexpr std::size_t largest_body = 64 * 1024;
constexpr std::size_t largest_report = 1024 * 1024;  // vendors pack many results into one
constexpr std::size_t threads = 8;
constexpr const char* id_pattern = "([A-Za-z0-9._-]{1,100})";

void send(httplib::Response& response, const Answer& answer) {
    response.status = answer.status;
    response.set_content(answer.body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n", "application/json");
}

/// The body as an object; a null when it is none.
json object_of(const httplib::Request& request) {
    json body = json::parse(request.body, nullptr, false);
    return body.is_object() ? body : json();
}

double number(const json& body, const char* name) {
    const auto found = body.find(name);
    return found != body.end() && found->is_number() ? found->get<double>() : std::nan("");
}

/// Epoch seconds on the monotonic clock; nothing when it is no number, ahead of us, or more than a day ago.
std::optional<tidegate::TimePoint> moment(double epoch_s) {
    const auto& clock = tidegate::system_clock();
    const double ahead = epoch_s - Seconds(clock.wall().time_since_epoch()).count();
    if (!(ahead < 5) || !(ahead > -86400)) return std::nullopt;
    return tidegate::after(clock.now(), ahead);
}

std::string who(const httplib::Request& request) {
    const std::string name = request.get_header_value("Tidegate-Operator");
    return name.empty() ? "service" : name.substr(0, 100);
}

Answer take_opens(Desk& desk, const std::string& id, const json& body) {
    const double count = body.is_null() ? std::nan("") : number(body, "count");
    if (!(count >= 0)) return fail(400, "opens need a \"count\", and \"from\" before \"to\" in epoch seconds");
    const auto from = moment(number(body, "from"));
    const auto to = moment(number(body, "to"));
    if (!from || !to || !(*from < *to))
        return fail(400, "\"from\" must be before \"to\": epoch seconds of the last day");
    return desk.observe_opens(id, count, *from, *to);
}

Answer take_sample(tidegate::Gate& gate, const std::string& backend, const json& body) {
    if (body.is_null()) return fail(400, "the body is not a JSON object");
    const auto at = moment(number(body, "at"));
    if (!at) return fail(400, "\"at\" must be epoch seconds: the moment the values describe");
    tidegate::Observation sample{.at = *at, .p99 = Seconds(number(body, "p99_ms") / 1000)};
    if (body.contains("load")) sample.load = number(body, "load");
    if (body.contains("errors")) sample.errors = number(body, "errors");
    const auto taken = gate.push_sample(backend, sample);
    if (!taken) return fail(taken.error().code == tidegate::Errc::not_found ? 404 : 400, {taken.error()});
    return {200, {{"backend", backend}}};
}

/// A vendor's word about messages it took, passed on unchanged. What it cannot show to be its own is 401, what should
/// come again is 503: a vendor tries a few times.
Answer take_report(tidegate::Gate& gate, const std::string& account, const httplib::Request& request) {
    const tidegate::ReportHeaders headers(request.headers.begin(), request.headers.end());
    const auto taken = gate.ingest_report(account, headers, request.body);
    if (taken) return {200, {{"reports", taken->reports}, {"ours", taken->ours}}};
    switch (taken.error().code) {
        case tidegate::Errc::not_found:
            return fail(404, {taken.error()});
        case tidegate::Errc::refused:
            return fail(401, {taken.error()});
        case tidegate::Errc::invalid:
            return fail(400, {taken.error()});
        default:
            return fail(503, {taken.error()});
    }
}

bool of_reports(const httplib::Request& request) {
    return request.path.starts_with("/reports/");
}

}  // namespace

struct Surface::Impl {
    httplib::Server http{};
    tidegate::Secret token{};
    int port = 0;
    std::jthread thread{};

    void route(Desk& desk, tidegate::Gate& gate);
};

void Surface::Impl::route(Desk& desk, tidegate::Gate& gate) {
    using httplib::Request;
    using httplib::Response;
    http.set_pre_routing_handler([this](const Request& request, Response& response) {
        if (of_reports(request))
            return httplib::Server::HandlerResponse::Unhandled;  // a vendor has a secret of its own
        const std::string header = request.get_header_value("Authorization");
        if (header.starts_with("Bearer ") && token.equals(std::string_view(header).substr(7))) {
            return httplib::Server::HandlerResponse::Unhandled;
        }
        response.set_header("WWW-Authenticate", "Bearer");
        send(response, fail(401, "the bearer token is missing or wrong"));
        return httplib::Server::HandlerResponse::Handled;
    });
    const auto post = [this](const std::string& path, const httplib::Server::Handler& handler) {
        http.Post(path, [handler](const Request& request, Response& response) {
            if (request.body.size() > largest_body) {
                return send(response, fail(413, "the request is larger than 64 KiB"));
            }
            handler(request, response);
        });
    };
    const std::string campaign = std::string("/campaigns/") + id_pattern;
    post("/campaigns",
         [&desk](const Request& request, Response& response) { send(response, desk.accept(request.body)); });
    http.Get("/campaigns", [&desk](const Request&, Response& response) { send(response, desk.list()); });
    http.Get(campaign,
             [&desk](const Request& request, Response& response) { send(response, desk.show(request.matches[1])); });
    post(campaign + "/(pause|resume|abort)", [&desk](const Request& request, Response& response) {
        send(response, desk.act(request.matches[1], request.matches[2], who(request)));
    });
    post(campaign + "/opens", [&desk](const Request& request, Response& response) {
        send(response, take_opens(desk, request.matches[1], object_of(request)));
    });
    post("/backends/([^/]+)/samples", [&gate](const Request& request, Response& response) {
        send(response, take_sample(gate, request.matches[1], object_of(request)));
    });
    http.Post("/reports/([^/]+)", [&gate](const Request& request, Response& response) {
        send(response, take_report(gate, request.matches[1], request));
    });
    http.set_error_handler([](const Request&, Response& response) {
        if (!response.body.empty()) return;
        send(response, fail(response.status, response.status == 413 ? "the request is too large"
                                                                    : "there is no such resource; see the README"));
    });
    http.set_exception_handler([](const Request&, Response& response, const std::exception_ptr&) {
        send(response, fail(500, "internal error"));
    });
}

Surface::Surface(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

tidegate::Result<std::unique_ptr<Surface>> Surface::open(Desk& desk, tidegate::Gate& gate, tidegate::Secret token,
                                                         const std::string& host, int port) {
    auto impl = std::make_unique<Impl>();
    auto& http = impl->http;
    impl->token = std::move(token);
    http.new_task_queue = [] { return new httplib::ThreadPool(threads); };
    http.set_payload_max_length(largest_report);
    http.set_keep_alive_max_count(1);  // an idle connection must not hold a thread, nor the shutdown
    http.set_read_timeout(5);
    http.set_write_timeout(5);
    http.set_socket_options([](int socket) {  // not SO_REUSEPORT: a second service on the same port is a mistake
        const int yes = 1;
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    impl->route(desk, gate);
    impl->port = port == 0 ? http.bind_to_any_port(host) : (http.bind_to_port(host, port) ? port : -1);
    if (impl->port <= 0) {
        return tidegate::Error{tidegate::Errc::unavailable, "cannot listen there", host + ":" + std::to_string(port),
                               "choose another address or port"};
    }
    impl->thread = std::jthread([&http] { http.listen_after_bind(); });
    while (!http.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return std::unique_ptr<Surface>(new Surface(std::move(impl)));
}

Surface::~Surface() {
    impl_->http.stop();
}

int Surface::port() const {
    return impl_->port;
}

}  // namespace service
