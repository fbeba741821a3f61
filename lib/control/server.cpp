#include "tidegate/control/server.hpp"

#include <httplib.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "control/requests.hpp"
#include "control/status.hpp"

namespace tidegate::control {

namespace {

using nlohmann::json;

constexpr std::size_t workers = 4;
constexpr std::size_t longest_body = 1 << 20;
constexpr const char* json_type = "application/json";

struct Place {
    bool local_socket = false;
    std::string host;  // or the socket's path
    int port = 0;
};

Error bad_address(const std::string& text, std::string what) {
    return {Errc::invalid, std::move(what), text, "use 127.0.0.1:PORT, [::1]:PORT, localhost:PORT or unix:/PATH"};
}

Result<Place> parse_listen(const std::string& text) {
    if (text.starts_with("unix:")) {
        const std::string path = text.substr(5);
        if (path.empty() || path.size() > 100) return bad_address(text, "the socket's path is empty or too long");
        return Place{true, path, 0};
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return bad_address(text, "the port is missing");
    std::string host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    const std::string digits = text.substr(colon + 1);
    const bool number = !digits.empty() && digits.size() <= 5 &&
                        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!number || std::stoi(digits) > 65535) return bad_address(text, "the port is not a number from 0 to 65535");
    if (host != "localhost" && host != "::1" && !host.starts_with("127.")) {
        return bad_address(text, "only this machine may reach the operator's surface");
    }
    return Place{false, host, std::stoi(digits)};
}

/// cpp-httplib ignores SIGPIPE for the whole process when a server is made; the host's choice is put back.
class KeepSigpipe {
  public:
    KeepSigpipe() { ::sigaction(SIGPIPE, nullptr, &before_); }
    ~KeepSigpipe() { ::sigaction(SIGPIPE, &before_, nullptr); }
    KeepSigpipe(const KeepSigpipe&) = delete;
    KeepSigpipe& operator=(const KeepSigpipe&) = delete;

  private:
    struct sigaction before_ {};
};

void answer(httplib::Response& response, int status, const json& body) {
    response.status = status;
    response.set_content(body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n", json_type);
}

void refuse(httplib::Response& response, int status, const std::string& why) {
    answer(response, status, {{"error", why}});
}

std::string operator_of(const httplib::Request& request) {
    const std::string name = request.get_header_value("Tidegate-Operator");
    return name.empty() ? "operator" : name.substr(0, 100);
}

Moment moment() {
    return {system_clock().now(), system_clock().wall()};
}

}  // namespace

struct Server::Impl {
    Impl(Gate& g, ServerOptions o) : gate(g), options(std::move(o)) {}

    Gate& gate;
    ServerOptions options;
    Place place;
    std::string address;
    std::unique_ptr<httplib::Server> http;
    std::jthread thread;

    void route();
    bool allowed(const httplib::Request& request) const;
    void campaign_action(const httplib::Request& request, httplib::Response& response);
    void backend_action(const httplib::Request& request, httplib::Response& response);
    static Result<void> act(CampaignHandle& handle, const CampaignOrder& order, const std::string& who);
};

bool Server::Impl::allowed(const httplib::Request& request) const {
    const std::string header = request.get_header_value("Authorization");
    constexpr std::string_view scheme = "Bearer ";
    return header.starts_with(scheme) && options.token.equals(std::string_view(header).substr(scheme.size()));
}

void Server::Impl::route() {
    http->set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
        // The page itself holds nothing; what it shows it asks for with the token.
        if (request.method == "GET" && request.path == "/") return httplib::Server::HandlerResponse::Unhandled;
        if (allowed(request)) return httplib::Server::HandlerResponse::Unhandled;
        response.set_header("WWW-Authenticate", "Bearer");
        refuse(response, 401, "the bearer token is missing or wrong");
        return httplib::Server::HandlerResponse::Handled;
    });
    http->Get("/", [](const httplib::Request&, httplib::Response& response) {
        response.set_header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'");
        response.set_content(dashboard_page(), "text/html; charset=utf-8");
    });
    const auto all = [this] {
        std::vector<Progress> progress;
        for (const CampaignHandle& handle : gate.campaigns()) progress.push_back(handle.progress());
        return progress;
    };
    http->Get("/status", [this, all](const httplib::Request&, httplib::Response& response) {
        response.set_content(status_json(all(), gate.backends(), gate.quota()) + "\n", json_type);
    });
    http->Get("/metrics", [this, all](const httplib::Request&, httplib::Response& response) {
        response.set_content(status_metrics(all(), gate.backends(), gate.quota()),
                             "text/plain; version=0.0.4; charset=utf-8");
    });
    http->Post(
        R"(/campaigns/([^/]+)/(pause|resume|rate|abort|opens))",
        [this](const httplib::Request& request, httplib::Response& response) { campaign_action(request, response); });
    http->Post(
        R"(/backends/([^/]+)/(hold|samples))",
        [this](const httplib::Request& request, httplib::Response& response) { backend_action(request, response); });
    http->set_error_handler([](const httplib::Request&, httplib::Response& response) {
        if (response.body.empty())
            refuse(response, response.status, "there is no such route; see lib/control/README.md");
    });
    http->set_exception_handler([](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
        refuse(response, 500, "internal error");
    });
}

void Server::Impl::campaign_action(const httplib::Request& request, httplib::Response& response) {
    const Result<CampaignOrder> order = read_campaign_order(request.matches[2].str(), request.body, moment());
    if (!order) return refuse(response, 400, order.error().text());
    const std::string id = request.matches[1];
    // The newest run of a campaign is the one that is meant.
    std::vector<CampaignHandle> handles = gate.campaigns();
    const auto found = std::find_if(handles.rbegin(), handles.rend(),
                                    [&](const CampaignHandle& handle) { return handle.progress().campaign == id; });
    if (found == handles.rend()) return refuse(response, 404, "there is no campaign \"" + id + "\" here");
    if (Result<void> done = act(*found, *order, operator_of(request)); !done) {
        const Errc code = done.error().code;
        return refuse(response,
                      code == Errc::refused       ? 409
                      : code == Errc::unavailable ? 503
                                                  : 400,
                      done.error().text());
    }
    answer(response, 200, {{"ok", true}});
}

Result<void> Server::Impl::act(CampaignHandle& handle, const CampaignOrder& order, const std::string& who) {
    switch (order.verb) {
        case CampaignOrder::Verb::pause:
            handle.pause(who);
            break;
        case CampaignOrder::Verb::resume:
            handle.resume(who);
            break;
        case CampaignOrder::Verb::abort:
            if (!handle.abort(who)) return Error{Errc::refused, "the campaign has ended already", "", ""};
            break;
        case CampaignOrder::Verb::rate:
            handle.set_rate(order.rate, who);
            break;
        case CampaignOrder::Verb::opens:
            if (order.opened) return handle.observe_opens(*order.opened);
            handle.observe_opens(order.opens, order.from, order.to);
            break;
    }
    return {};
}

void Server::Impl::backend_action(const httplib::Request& request, httplib::Response& response) {
    const Result<BackendOrder> order = read_backend_order(request.matches[2].str(), request.body, moment());
    if (!order) return refuse(response, 400, order.error().text());
    const std::string name = request.matches[1];
    const Result<void> done =
        order->is_sample ? gate.push_sample(name, order->sample) : gate.hold(name, order->held, operator_of(request));
    if (!done) return refuse(response, done.error().code == Errc::not_found ? 404 : 400, done.error().text());
    answer(response, 200, {{"ok", true}});
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::start(Gate& gate, ServerOptions options) {
    if (options.token.empty()) {
        return Error{Errc::invalid, "the operator's surface needs a token", options.listen,
                     "make one with make_token_file"};
    }
    Result<Place> place = parse_listen(options.listen);
    if (!place) return place.error();
    auto impl = std::make_unique<Impl>(gate, std::move(options));
    impl->place = *place;
    {
        const KeepSigpipe keep;
        impl->http = std::make_unique<httplib::Server>();
    }
    httplib::Server& http = *impl->http;
    http.new_task_queue = [] { return new httplib::ThreadPool(workers); };
    http.set_payload_max_length(longest_body);
    http.set_keep_alive_max_count(1);  // a dashboard that polls must not keep the red button waiting for a thread
    http.set_read_timeout(5);
    http.set_write_timeout(5);
    // Without SO_REUSEPORT, so that a port in use is an error and not a second listener.
    http.set_socket_options([](int socket) {
        const int yes = 1;
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    impl->route();

    bool bound = false;
    if (place->local_socket) {
        struct stat info {};
        if (::lstat(place->host.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) ::unlink(place->host.c_str());
        http.set_address_family(AF_UNIX);
        bound = http.bind_to_port(place->host, 1) && ::chmod(place->host.c_str(), 0600) == 0;
        impl->address = "unix:" + place->host;
    } else {
        int port = place->port;
        if (port == 0) {
            port = http.bind_to_any_port(place->host);
            bound = port > 0;
        } else {
            bound = http.bind_to_port(place->host, port);
        }
        const bool six = place->host.find(':') != std::string::npos;
        impl->address = (six ? "[" + place->host + "]" : place->host) + ":" + std::to_string(port);
    }
    if (!bound) {
        return Error{Errc::unavailable, "cannot listen: the address is in use or not of this machine",
                     impl->options.listen, "choose another port, or 0 for any free one"};
    }
    impl->thread = std::jthread([server = &http] {
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);  // inherited by the answering threads
        server->listen_after_bind();
    });
    // `stop` has no effect before the server runs, so a Server is never handed out earlier.
    while (!http.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() {
    impl_->http->stop();
    impl_->thread.join();
    if (impl_->place.local_socket) ::unlink(impl_->place.host.c_str());
}

std::string Server::address() const {
    return impl_->address;
}

}  // namespace tidegate::control
