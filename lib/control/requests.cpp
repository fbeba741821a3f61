#include "control/requests.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace tidegate::control {
namespace {

using nlohmann::json;

Error bad(std::string what) {
    return {Errc::invalid, std::move(what), "", ""};
}

Result<json> read_object(std::string_view body) {
    json object = body.empty() ? json::object() : json::parse(body, nullptr, false);
    if (!object.is_object()) return bad("the body is not a JSON object");
    return object;
}

double number_or_nan(const json& body, const char* name) {
    const auto found = body.find(name);
    return found != body.end() && found->is_number() ? found->get<double>() : std::nan("");
}

/// Epoch seconds to the monotonic clock; now when absent, nothing when more than a day away or ahead of us.
std::optional<TimePoint> at(double epoch_s, const Moment& moment) {
    constexpr double a_day = 86400;
    constexpr double clocks_differ = 5;
    if (!std::isfinite(epoch_s)) return moment.now;
    const double ahead = epoch_s - Seconds(moment.wall.time_since_epoch()).count();
    if (ahead > clocks_differ || ahead < -a_day) return std::nullopt;
    return after(moment.now, ahead);
}

Result<void> read_rate(const json& body, CampaignOrder& order) {
    const auto given = body.find("per_second");
    if (given == body.end() || given->is_null()) return {};
    if (!given->is_number() || !(given->get<double>() >= 0)) {
        return bad("per_second must be a number from 0, or null for the configured rate");
    }
    order.rate = Rate{given->get<double>()};
    return {};
}

/// Who opened, and when; the key itself is never repeated in an answer.
Result<Open> read_open(const json& entry, std::size_t number, const Moment& moment) {
    constexpr std::size_t longest_key = 1024;
    const std::string which = "open " + std::to_string(number);
    const auto key = entry.find("key");
    if (key == entry.end() || !key->is_string()) return bad(which + " has no \"key\"");
    Open open{key->get<std::string>(), moment.wall};
    if (open.key.empty() || open.key.size() > longest_key) return bad(which + ": its key is empty or too long");
    if (const auto given = entry.find("at"); given != entry.end()) {
        const double epoch_s = given->is_number() ? given->get<double>() : -1;
        if (!std::isfinite(epoch_s) || !at(epoch_s, moment)) {
            return bad(which + ": \"at\" must be epoch seconds, not ahead of this host's clock and at most a day old");
        }
        open.at = WallTime(std::chrono::milliseconds(std::llround(epoch_s * 1000)));
    }
    return open;
}

Result<void> read_opens(const json& body, const Moment& moment, CampaignOrder& order) {
    const auto list = body.find("opens");
    const bool bounded = body.contains("from") || body.contains("to");
    const bool keys =
        list != body.end() && list->is_array() &&
        (list->empty() ? !bounded
                       : std::any_of(list->begin(), list->end(), [](const json& one) { return one.is_object(); }));
    if (keys) {
        if (bounded) return bad("opens with keys carry their own times: leave out \"from\" and \"to\"");
        order.opened.emplace();
        for (const json& entry : *list) {
            Result<Open> open = read_open(entry, order.opened->size() + 1, moment);
            if (!open) return open.error();
            order.opened->push_back(std::move(*open));
        }
        return {};
    }
    order.opens =
        list != body.end() && list->is_array() ? static_cast<double>(list->size()) : number_or_nan(body, "count");
    const double from = number_or_nan(body, "from");
    const double to = number_or_nan(body, "to");
    const std::optional<TimePoint> begin = at(from, moment);
    const std::optional<TimePoint> end = at(to, moment);
    if (!(order.opens >= 0) || !(to > from) || !begin || !end) {
        return bad(
            "opens need a list \"opens\" of {\"key\", \"at\"}, or \"count\" and \"from\" before \"to\" in epoch "
            "seconds");
    }
    order.from = *begin;
    order.to = *end;
    return {};
}

Result<void> read_sample(const json& body, const Moment& moment, Observation& sample) {
    const double p99_ms = number_or_nan(body, "p99_ms");
    sample.p99 = Seconds(std::isnan(p99_ms) ? number_or_nan(body, "p99") : p99_ms / 1000);
    const std::optional<TimePoint> described = at(number_or_nan(body, "at"), moment);
    if (!described) {
        return bad("\"at\" must be epoch seconds, not ahead of this host's clock and at most a day old");
    }
    sample.at = *described;
    if (body.contains("load")) sample.load = number_or_nan(body, "load");
    if (body.contains("errors")) sample.errors = number_or_nan(body, "errors");
    return {};
}

}  // namespace

Result<CampaignOrder> read_campaign_order(std::string_view verb, std::string_view body, const Moment& moment) {
    const auto object = read_object(body);
    if (!object) return object.error();
    CampaignOrder order;
    Result<void> read;
    if (verb == "pause") {
        order.verb = CampaignOrder::Verb::pause;
    } else if (verb == "resume") {
        order.verb = CampaignOrder::Verb::resume;
    } else if (verb == "abort") {
        order.verb = CampaignOrder::Verb::abort;
    } else if (verb == "rate") {
        order.verb = CampaignOrder::Verb::rate;
        read = read_rate(*object, order);
    } else if (verb == "opens") {
        order.verb = CampaignOrder::Verb::opens;
        read = read_opens(*object, moment, order);
    } else {
        return bad("campaigns take pause, resume, rate, abort and opens");
    }
    if (!read) return read.error();
    return order;
}

Result<BackendOrder> read_backend_order(std::string_view verb, std::string_view body, const Moment& moment) {
    const auto object = read_object(body);
    if (!object) return object.error();
    BackendOrder order;
    if (verb == "samples") {
        order.is_sample = true;
        if (const auto read = read_sample(*object, moment, order.sample); !read) return read.error();
        return order;
    }
    if (verb != "hold") return bad("backends take hold and samples");
    if (const auto held = object->find("held"); held != object->end()) {
        // A word or a number here must not let go of the red button.
        if (!held->is_boolean()) return bad("held must be true or false");
        order.held = held->get<bool>();
    }
    return order;
}

}  // namespace tidegate::control
