#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "command.hpp"
#include "history_json.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/delivery/config.hpp"
#include "tidegate/delivery/event_plan.hpp"
#include "tidegate/delivery/forecast.hpp"
#include "tidegate/delivery/gate.hpp"

namespace tidegate::cli {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t rows_shown = 24;

/// What the backends carry now, where their telemetry answers within a few seconds.
std::map<std::string, double> present_load(const Site& site, std::vector<std::string>& warnings) {
    std::map<std::string, double> load;
    if (site.backends.empty()) return load;
    Site watched = site;
    watched.channels.clear();
    for (Backend& backend : watched.backends)
        backend.limits.shadow = true;  // looking takes no lock from a running gate
    Result<std::unique_ptr<Gate>, Faults> gate = Gate::open(watched);
    if (!gate) return load;
    for (int i = 0; i < 40 && load.size() < site.backends.size(); ++i) {
        std::this_thread::sleep_for(100ms);
        for (const BackendProgress& backend : (*gate)->backends()) {
            if (std::isfinite(backend.load)) load[backend.name] = backend.load;
        }
    }
    for (const Backend& backend : site.backends) {
        if (!load.contains(backend.limits.name)) {
            warnings.push_back("backend " + backend.limits.name +
                               " did not tell its present load; the plan counts it as 0");
        }
    }
    return load;
}

/// It holds nobody, or the deadline comes first.
bool never_starts(const ForecastCohort& cohort) {
    return cohort.recipients == 0 || cohort.starts == WallTime{};
}

nlohmann::ordered_json moment(WallTime t) {
    return t == WallTime{} ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(format_wall_time(t));
}

std::string local(WallTime t, const std::string& zone) {
    return format_local(t, zone).value_or(format_wall_time(t));
}

/// Before anything is sent: how many can be served when all come at once, and what becomes of the others.
void print_event(const Campaign& campaign, const EventPlan& event) {
    std::cout << "\nfirst-come event at " << local(event.at, campaign.zone) << '\n';
    for (const EventCapacity& backend : event.backends) {
        std::cout << "  " << backend.backend << ": ";
        if (backend.largest) {
            std::cout << "at the instant " << std::llround(*backend.room) << " requests/s may be ours (" << backend.from
                      << "): " << grouped(static_cast<std::uint64_t>(*backend.largest)) << " people told\n";
        } else {
            std::cout << "how many it can serve at the instant is " << backend.from << '\n';
        }
    }
    if (event.largest) {
        std::cout << "  told before it  " << grouped(event.told) << ", of whom about "
                  << grouped(static_cast<std::uint64_t>(std::llround(event.comers))) << " come\n"
                  << "  held            " << grouped(event.held) << ", told from "
                  << local(event.rest_from, campaign.zone) << " on\n";
    } else {
        std::cout << "  a run would tell only as many as it has seen the backends bear by then\n";
    }
    if (!event.lots.empty()) {
        std::cout << "  by lots         " << event.lot_count << " of at most " << grouped(*event.largest)
                  << ", each a campaign with an instant of its own, " << format_duration(event.lots_apart)
                  << " apart:\n";
        for (std::size_t i = 0; i < event.lots.size(); ++i) {
            if (i + 1 == event.lots.size() && event.lot_count > event.lots.size()) std::cout << "    ...\n";
            std::cout << "    " << local(event.lots[i].instant, campaign.zone)
                      << fit_right(grouped(event.lots[i].recipients), 12) << '\n';
        }
    }
    for (const std::string& remark : event.remarks) std::cout << "  note: " << remark << '\n';
}

nlohmann::ordered_json event_json(const EventPlan& event) {
    nlohmann::ordered_json json = {{"at", moment(event.at)},
                                   {"rest_from", moment(event.rest_from)},
                                   {"largest", nullptr},
                                   {"told", event.told},
                                   {"held", event.held},
                                   {"comers", event.comers},
                                   {"lot_count", event.lot_count},
                                   {"lots_apart_s", Seconds(event.lots_apart).count()},
                                   {"lots", nlohmann::ordered_json::array()},
                                   {"backends", nlohmann::ordered_json::array()},
                                   {"remarks", event.remarks}};
    if (event.largest) json["largest"] = *event.largest;
    for (const EventLot& lot : event.lots)
        json["lots"].push_back({{"instant", moment(lot.instant)}, {"recipients", lot.recipients}});
    for (const EventCapacity& backend : event.backends) {
        nlohmann::ordered_json one = {
            {"name", backend.backend}, {"room", nullptr}, {"largest", nullptr}, {"from", backend.from}};
        if (backend.room) one["room"] = *backend.room;
        if (backend.largest) one["largest"] = *backend.largest;
        json["backends"].push_back(std::move(one));
    }
    return json;
}

void print_text(const Campaign& campaign, const Forecast& plan, const std::optional<EventPlan>& event,
                const std::vector<BackendProgress>& backends) {
    std::cout << "campaign " << campaign.id << ": " << grouped(plan.recipients) << " recipients in "
              << plan.cohorts.size() << " cohorts\n\n";
    const auto starts = [&](const ForecastCohort& cohort) {
        return never_starts(cohort) ? std::string("-") : local(cohort.starts, campaign.zone);
    };
    std::cout << fit("cohort", 24) << fit_right("recipients", 12) << "  starts (" << campaign.zone << ")\n";
    const std::size_t shown = std::min(plan.cohorts.size(), rows_shown);
    for (std::size_t i = 0; i < shown; ++i) {
        const ForecastCohort& cohort = plan.cohorts[i];
        std::cout << fit(cohort.label, 24) << fit_right(grouped(cohort.recipients), 12) << "  " << starts(cohort)
                  << '\n';
    }
    if (shown < plan.cohorts.size()) {
        const auto last = std::find_if_not(plan.cohorts.rbegin(), plan.cohorts.rend(), never_starts);
        std::cout << "... and " << plan.cohorts.size() - shown << " more, the last one that begins at "
                  << (last == plan.cohorts.rend() ? std::string("-") : starts(*last)) << '\n';
    }
    if (event) print_event(campaign, *event);
    for (const ForecastLoad& backend : plan.backends) {
        std::cout << "\nload on " << backend.backend << ": peak " << std::llround(backend.peak) << " requests/s";
        if (backend.bound) std::cout << " of " << std::llround(*backend.bound);
        std::cout << '\n';
        const std::size_t rows = std::min<std::size_t>(backend.load.size(), 20);
        const double top = std::max(backend.peak, backend.bound.value_or(0));
        for (std::size_t row = 0; row < rows; ++row) {
            const std::size_t from = row * backend.load.size() / rows;
            const std::size_t to = std::max(from + 1, (row + 1) * backend.load.size() / rows);
            const double most = *std::max_element(backend.load.begin() + static_cast<std::ptrdiff_t>(from),
                                                  backend.load.begin() + static_cast<std::ptrdiff_t>(to));
            const auto at = plan.starts + std::chrono::duration_cast<std::chrono::milliseconds>(plan.step * from);
            const auto width = static_cast<std::size_t>(top > 0 ? 50 * most / top : 0);
            std::cout << "  " << local(at, campaign.zone).substr(11) << ' ' << std::setw(7) << std::llround(most) << ' '
                      << std::string(width, '#') << '\n';
        }
    }
    std::cout << '\n';
    if (plan.endless) {
        std::cout << "it would never finish: there is no room at all\n";
    } else {
        std::cout << "last message  " << local(plan.last_release, campaign.zone) << '\n';
        std::cout << "load is over  " << local(plan.load_over, campaign.zone) << '\n';
    }
    if (campaign.deadline) {
        std::cout << "deadline      " << local(*campaign.deadline, campaign.zone)
                  << (plan.left_at_deadline == 0
                          ? ": holds"
                          : ": does not hold, " + grouped(plan.left_at_deadline) + " would be left")
                  << '\n';
    }
    for (const BackendProgress& backend : backends)
        std::cout << "history       " << backend.name << ": " << to_string(backend.history) << '\n';
    for (const std::string& warning : plan.warnings) std::cout << "warning: " << warning << '\n';
}

void print_json(const Campaign& campaign, const Forecast& plan, const std::optional<EventPlan>& event,
                const std::vector<BackendProgress>& backends) {
    nlohmann::ordered_json json = {{"campaign", campaign.id},
                                   {"recipients", plan.recipients},
                                   {"starts", format_wall_time(plan.starts)},
                                   {"last_release", format_wall_time(plan.last_release)},
                                   {"load_over", format_wall_time(plan.load_over)},
                                   {"endless", plan.endless},
                                   {"left_at_deadline", plan.left_at_deadline},
                                   {"step_s", Seconds(plan.step).count()},
                                   {"cohorts", nlohmann::ordered_json::array()},
                                   {"backends", nlohmann::ordered_json::array()},
                                   {"warnings", plan.warnings}};
    for (const ForecastCohort& cohort : plan.cohorts) {
        json["cohorts"].push_back({{"label", cohort.label},
                                   {"canary", cohort.canary},
                                   {"recipients", cohort.recipients},
                                   {"starts", moment(cohort.starts)},
                                   {"ends", moment(cohort.ends)}});
    }
    for (const ForecastLoad& backend : plan.backends) {
        nlohmann::ordered_json one = {
            {"name", backend.backend}, {"bound", nullptr}, {"peak", backend.peak}, {"load", backend.load}};
        if (backend.bound) one["bound"] = *backend.bound;
        json["backends"].push_back(std::move(one));
    }
    if (event) json["event"] = event_json(*event);
    json["history"] = nlohmann::ordered_json::array();
    for (const BackendProgress& backend : backends)
        json["history"].push_back({{"backend", backend.name}, {"history", history_json(backend.history)}});
    std::cout << json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

}  // namespace

int plan(const PlanOptions& options) {
    Result<LoadedCampaign, Faults> loaded = load_campaign(options.common.file);
    if (!loaded) return tell(loaded.error(), options.common.json);
    const Campaign& campaign = loaded->campaign;
    Result<Preview, Faults> seen = look_at(*loaded);
    if (!seen) return tell(seen.error(), options.common.json);
    const std::vector<BackendProgress> histories =
        look_back(loaded->site, history_directory(loaded->site_directory, options.history));

    ForecastInput input;
    std::vector<std::string> warnings = loaded->warnings;
    input.baseline = present_load(loaded->site, warnings);
    input.now = system_clock().wall();
    for (const CohortRecord& cohort : seen->cohorts) {
        input.cohort_sizes.push_back(cohort.recipients);
        input.cohort_labels.push_back(cohort.label);
    }
    std::optional<EventPlan> event;
    if (campaign.event) event = plan_event(loaded->site, campaign, seen->totals.recipients, input.baseline);
    Forecast result = forecast(loaded->site, campaign, input);
    result.warnings.insert(result.warnings.begin(), warnings.begin(), warnings.end());
    if (options.common.json) {
        print_json(campaign, result, event, histories);
    } else {
        print_text(campaign, result, event, histories);
    }
    return ok;
}

}  // namespace tidegate::cli
