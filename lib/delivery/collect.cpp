#include "tidegate/delivery/collect.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "channel/factory.hpp"
#include "delivery/judge.hpp"
#include "delivery/prepare.hpp"
#include "delivery/reports.hpp"
#include "delivery/route.hpp"
#include "delivery/step_message.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/ledger/sqlite_ledger.hpp"
#include "tidegate/report/report.hpp"

namespace tidegate {
namespace delivery {
namespace {

constexpr std::size_t together = 500;         // recipients in one transaction
constexpr std::size_t in_one_round = 50'000;  // people kept in memory; the next round takes the next
constexpr std::size_t pages_at_most = 100;    // of one request: a vendor that always has a next page must end as well

/// Somebody whose delivery has been accepted and not been reported.
struct Waiting {
    LedgerRecipient recipient;
    std::vector<LedgerDelivery> deliveries;
};

class Round {
  public:
    Round(const Site& site, const Campaign& campaign, const CollectOptions& options, const Clock& clock)
        : site_(site), campaign_(campaign), options_(options), clock_(clock) {}

    Result<Collected, Faults> run() {
        if (Result<void, Faults> begun = begin(); !begun) return begun.error();
        if (Result<void> read = find_waiting(); !read) return Faults{read.error()};
        Faults faults;
        for (auto& [step, requests] : requests_) {
            for (const std::string& request : requests) {
                if (Result<void> asked = ask(step, request); !asked) faults.push_back(asked.error());
                if (faults.size() >= 3) break;  // the vendor is not there; the rest would say the same
            }
        }
        give_up();
        if (Result<void> kept = keep(); !kept) faults.push_back(kept.error());
        if (!faults.empty()) return faults;
        return seen_;
    }

    /// The same with reports that are there already: nobody is asked, and nothing is given up.
    Result<Collected, Faults> take_in(const std::string& account, std::span<const channel::VendorReport> reports) {
        if (Result<void, Faults> begun = begin(); !begun) return begun.error();
        asked_ = false;
        for (const channel::VendorReport& report : reports) {
            const std::size_t step = step_of(report.about.delivery);
            if (step >= steps_.size() || channels_[step]->name != account || !protocols_[step]) continue;
            const std::int64_t id = recipient_of(report.about.delivery);
            if (!waiting_.contains(id)) {
                Result<LedgerEntry> entry = ledger_->of(id);
                if (!entry) return Faults{entry.error()};
                if (entry->recipient.id == 0) continue;
                waiting_.emplace(id, Waiting{std::move(entry->recipient), std::move(entry->deliveries)});
            }
            take(step, report);
        }
        if (Result<void> kept = keep(); !kept) return Faults{kept.error()};
        return seen_;
    }

  private:
    Result<void, Faults> begin() {
        if (Faults faults = campaign_.validate(site_); !faults.empty()) return faults;
        if (Result<void, Faults> opened = open(); !opened) return opened.error();
        make_route();
        return {};
    }

    Result<void, Faults> open() {
        const std::string path = options_.ledger_dir + "/" + campaign_.id + ".ledger";
        Result<std::unique_ptr<SqliteLedger>> opened = SqliteLedger::open_for_sending(path, campaign_.ledger_key);
        if (!opened) return Faults{opened.error()};
        ledger_ = std::move(*opened);
        for (const char* ended : {"aborted", "purged_at"}) {
            const bool aborted = std::string_view(ended) == "aborted";
            Result<std::optional<std::string>> found = ledger_->meta(aborted ? "state" : ended);
            if (!found) return Faults{found.error()};
            if (aborted) aborted_ = found->value_or("") == "aborted";
            if (!aborted && *found) purged_ = true;
        }
        const std::map<std::string, std::string> content = content_of(campaign_);
        Result<std::optional<std::string>> route = ledger_->meta("content.route");
        if (!route) return Faults{route.error()};
        if (route->value_or("") != content.at("route")) {
            return Faults{{Errc::refused, "the campaign's route changed since this ledger was begun",
                           "campaign " + campaign_.id, "bring back the route it was begun with"}};
        }
        return {};
    }

    void make_route() {
        for (const SendStep& step : campaign_.send) {
            const auto channel = std::find_if(site_.channels.begin(), site_.channels.end(),
                                              [&](const ChannelOptions& one) { return one.name == step.channel; });
            channels_.push_back(&*channel);
            protocols_.push_back(channel::vendor_protocol(*channel));
            ChannelTraits traits;
            traits.kind = channel->kind();
            traits.address_type = address_type(*channel);
            traits.address_may_be_key = std::holds_alternative<WebhookOptions>(channel->provider);
            traits.two_phase = protocols_.back() != nullptr;
            steps_.push_back({static_cast<std::size_t>(channel - site_.channels.begin()), step.also, traits});
        }
    }

    bool outstanding(const LedgerDelivery& delivery) const {
        const std::size_t step = step_of(delivery.id);
        return step < protocols_.size() && protocols_[step] != nullptr && delivery.outcome == Final::accepted &&
               open_to_report(delivery);
    }

    Result<void> find_waiting() {
        return ledger_->for_each({Final::accepted, Final::pending}, [&](const LedgerRecipient& recipient,
                                                                        const std::vector<LedgerDelivery>& deliveries) {
            bool any = false;
            if (waiting_.size() >= in_one_round) {
                seen_.awaiting += static_cast<std::uint64_t>(std::count_if(
                    deliveries.begin(), deliveries.end(), [&](const auto& one) { return outstanding(one); }));
                return;
            }
            for (const LedgerDelivery& one : deliveries) {
                if (!outstanding(one)) continue;
                any = true;
                const std::string request = request_of(one.last.provider_id);
                if (!request.empty()) requests_[step_of(one.id)].insert(request);
            }
            if (any) waiting_.emplace(recipient.id, Waiting{recipient, deliveries});
        });
    }

    Result<void> ask(std::size_t step, const std::string& request) {
        const channel::VendorProtocol& protocol = *protocols_[step];
        net::PoolOptions pool;
        pool.ca = channels_[step]->ca;
        std::string page;
        for (std::size_t pages = 0; pages < pages_at_most; ++pages) {
            const net::HttpResult result = net::fetch(protocol.ask_reports(request, page, clock_.wall()), pool);
            if (result.transport != net::Transport::ok) {
                return Error{Errc::unavailable, "the vendor cannot be asked for reports: " + result.error,
                             "channel " + channels_[step]->name, "try again later; nothing is lost"};
            }
            Result<channel::ReportPage> read = protocol.read_reports(result.response, page);
            if (!read) {
                read.error().where = "channel " + channels_[step]->name;
                return read.error();
            }
            for (const channel::VendorReport& report : read->reports) take(step, report);
            if (read->next.empty() || read->next == page) return {};
            page = read->next;
        }
        return {};
    }

    void take(std::size_t step, const channel::VendorReport& report) {
        if (report.about.campaign != mark_ || step_of(report.about.delivery) != step) return;
        const auto found = waiting_.find(recipient_of(report.about.delivery));
        if (found == waiting_.end()) return;
        for (LedgerDelivery& delivery : found->second.deliveries) {
            if (take_report(delivery, report)) count(delivery);
        }
    }

    void count(const LedgerDelivery& delivery) {
        changed_.insert(recipient_of(delivery.id));
        ++(delivery.outcome == Final::delivered     ? seen_.delivered
           : delivery.outcome == Final::undelivered ? seen_.undelivered
                                                    : seen_.unknown);
    }

    /// Reports that are not coming any more.
    void give_up() {
        const WallTime since = clock_.wall() - std::chrono::duration_cast<std::chrono::milliseconds>(options_.give_up);
        for (auto& [id, one] : waiting_) {
            for (LedgerDelivery& delivery : one.deliveries) {
                if (!outstanding(delivery)) continue;
                if (delivery.intended_at > since) {
                    ++seen_.awaiting;
                    continue;
                }
                Outcome silence;
                silence.phase = Phase::report;
                silence.reason = Reason::pending;
                silence.text = "no report came in time";
                silence.provider_id = delivery.last.provider_id;
                delivery.last = silence;
                delivery.outcome = Final::unknown;
                count(delivery);
            }
        }
    }

    Result<void> keep() {
        LedgerBatch batch;
        std::size_t recipients = 0;
        for (const std::int64_t id : changed_) {
            Waiting& one = waiting_.at(id);
            std::vector<LedgerDelivery> written = one.deliveries;
            RouteMove move;
            if (!aborted_ && !purged_) {
                move = next_move(steps_, one.recipient, one.deliveries, campaign_.purpose);
                for (const DeliveryId next : move.start) {
                    LedgerDelivery fresh;
                    fresh.id = next;
                    fresh.state = DeliveryState::waiting;
                    fresh.retry_at = clock_.wall();
                    written.push_back(fresh);
                }
            }
            seen_.to_resend += move.start.empty() ? 0 : 1;
            // A delivery still under way keeps its recipient pending, as it was.
            const bool open = std::any_of(written.begin(), written.end(), [](const LedgerDelivery& delivery) {
                return delivery.state != DeliveryState::done;
            });
            Final best = Final::pending;
            for (const LedgerDelivery& delivery : written) {
                if (delivery.state != DeliveryState::done) continue;
                best = best == Final::pending ? delivery.outcome : better(best, delivery.outcome);
            }
            batch.finals.push_back({id, open ? Final::pending : best});
            batch.deliveries.insert(batch.deliveries.end(), written.begin(), written.end());
            if (++recipients % together == 0) {
                if (Result<void> done = ledger_->commit(batch); !done) return done;
                batch = {};
            }
        }
        return last_word(std::move(batch));
    }

    Result<void> last_word(LedgerBatch batch) {
        if (Result<void> done = ledger_->commit(batch); !done) return done;
        batch = {};
        Result<LedgerTotals> totals = ledger_->totals();
        if (!totals) return totals.error();
        const auto some = [&](Final outcome) { return totals->outcomes[static_cast<std::size_t>(outcome)] > 0; };
        const bool awaiting = asked_ ? seen_.awaiting > 0 : some(Final::accepted);
        if (!aborted_ && (asked_ || !changed_.empty())) {
            const RunState state = some(Final::pending) ? RunState::incomplete
                                   : awaiting           ? RunState::awaiting_reports
                                                        : RunState::completed;
            batch.meta.emplace_back("state", std::string(to_string(state)));
        }
        if (!changed_.empty()) {
            batch.events.push_back({clock_.wall(), asked_ ? "collect" : "reports",
                                    std::to_string(seen_.delivered) + " delivered, " +
                                        std::to_string(seen_.undelivered) + " not, " + std::to_string(seen_.unknown) +
                                        " unknown" + (asked_ ? ", " + std::to_string(seen_.awaiting) + " awaited" : ""),
                                    options_.operator_name});
        }
        return batch.empty() ? Result<void>{} : ledger_->commit(batch);
    }

    const Site& site_;
    const Campaign& campaign_;
    const CollectOptions& options_;
    const Clock& clock_;
    const std::string mark_ = channel::campaign_mark(campaign_.id);
    std::unique_ptr<SqliteLedger> ledger_;
    bool aborted_ = false, purged_ = false;
    bool asked_ = true;                            // the vendors, so that what is still owed is known
    std::vector<const ChannelOptions*> channels_;  // by step
    std::vector<std::unique_ptr<const channel::VendorProtocol>> protocols_;  // by step; null where there are no reports
    std::vector<RouteStep> steps_;
    std::unordered_map<std::int64_t, Waiting> waiting_;
    std::map<std::size_t, std::set<std::string>> requests_;  // of the vendors, by step
    std::set<std::int64_t> changed_;
    Collected seen_;
};

}  // namespace

Result<Collected, Faults> take_in_reports(const Site& site, const Campaign& campaign, const CollectOptions& options,
                                          const Clock& clock, const std::string& account,
                                          std::span<const channel::VendorReport> reports) {
    return Round(site, campaign, options, clock).take_in(account, reports);
}

}  // namespace delivery

Result<Collected, Faults> collect_reports(const Site& site, const Campaign& campaign, const CollectOptions& options,
                                          const Clock& clock) {
    return delivery::Round(site, campaign, options, clock).run();
}

}  // namespace tidegate
