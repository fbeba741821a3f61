#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <span>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "channel/vendor.hpp"
#include "delivery/account.hpp"
#include "delivery/appetite.hpp"
#include "delivery/attribution.hpp"
#include "delivery/awaited_reports.hpp"
#include "delivery/canary_gate.hpp"
#include "delivery/cohort_clock.hpp"
#include "delivery/eligibility.hpp"
#include "delivery/judge.hpp"
#include "delivery/outbox.hpp"
#include "delivery/route.hpp"
#include "delivery/unwritten.hpp"
#include "delivery/valve.hpp"
#include "ledger/key_lookup.hpp"
#include "tidegate/audience/suppression.hpp"
#include "tidegate/base/log.hpp"
#include "tidegate/base/rng.hpp"
#include "tidegate/channel/breaker.hpp"
#include "tidegate/delivery/progress.hpp"
#include "tidegate/ledger/response_record.hpp"
#include "tidegate/message/message.hpp"
#include "tidegate/pacing/first_come.hpp"
#include "tidegate/pacing/pacer.hpp"
#include "tidegate/pacing/reaction.hpp"
#include "tidegate/quota/shared_quota.hpp"

namespace tidegate::delivery {

/// Everything a run is made of; put together by `prepare` before the first thread sees it.
struct RunParts {
    Campaign campaign;
    std::vector<MessageTemplate> messages;  ///< by step
    std::vector<Account*> accounts;         ///< of the campaign's channels, each once
    std::vector<RouteStep> steps;
    std::unique_ptr<Ledger> ledger;
    std::vector<std::shared_ptr<SuppressionSource>> suppression;
    LedgerTotals totals;
    std::vector<CohortRecord> cohorts;
    /// Deliveries the last run left open, with their recipients.
    std::vector<std::pair<LedgerDelivery, LedgerRecipient>> open;
    /// Messages released shortly before the last run ended: (seconds before now, messages).
    std::vector<std::pair<double, double>> recent;
    std::string failed_gate;  // how the canary failed that ended the last run, if one did
    std::uint64_t limit = 0;
    Duration watch_after{0};
    Duration wait_reports{0};
    AwaitedReports awaited{};  ///< owed to earlier runs of this ledger
    std::string operator_name{};
    std::string ledger_path{};
    std::uint64_t seed = 0;
    bool shared = false;  ///< its leases come from a store that other nodes use too
};

/// Cohorts of which only stragglers are left, by cohort.
std::vector<bool> mostly_released(const std::vector<CohortRecord>& cohorts);

/// One campaign on its way. The feeder thread decides and settles; the control thread says how fast; the writer makes
/// durable and hands over; channels answer from anywhere; operators ask from anywhere.
class CampaignRun : public std::enable_shared_from_this<CampaignRun> {
  public:
    /// `wake_feeder` and `wake_writer` tell the Gate's threads that there is work; they must not block.
    CampaignRun(RunParts parts, const Clock& clock, Log& log, std::function<void()> wake_feeder,
                std::function<void()> wake_writer);

    const Campaign& campaign() const { return campaign_; }
    const std::string& ledger_path() const { return ledger_path_; }
    const std::vector<Account*>& accounts() const { return accounts_; }

    // ---- feeder thread
    /// Takes answers in, releases what may go, ends the run when it is over. True when something moved.
    bool feed();

    // ---- writer thread
    /// Commits what is queued and hands over what was intended. True when there was something.
    bool write();
    /// Something durable waits for its turn: look again in a moment.
    bool holds_back() const;

    // ---- control thread
    struct Pace {
        Allowance allowance;
        std::vector<Lease> leases;                      ///< in the order of `accounts()`
        bool green = true;                              ///< no backend of this campaign holds or pauses
        std::optional<GateSight> sight = std::nullopt;  ///< for a canary's gate
    };
    void set_pace(const Pace& pace);
    /// Facts for the ledger: ticks, holds, summaries.
    void record(LedgerBatch facts);
    /// A snapshot for the predictor.
    Reaction reaction() const;
    /// What the campaign could use, and why no more: its own cap or the operator's while it has work, else 0.
    struct Demand {
        Rate rate;
        std::string why;
    };
    Demand demand() const;
    /// What it could use of one of its accounts now, whatever holds it back elsewhere.
    Rate appetite(std::size_t account) const;
    /// What an operator ordered here since the last call, for the other nodes.
    std::optional<QuotaChange> take_order();
    /// An order given elsewhere: pause, rate, abort. What was ordered here and is not told yet goes before it, but
    /// never before an abort.
    void heed(QuotaChange order);
    /// The environment does not let it go on: ends with 5, resumable.
    void give_up(std::string why);
    /// Puts the curve as learnt so far on record, every few seconds.
    void record_response(TimePoint now, WallTime wall);
    std::uint64_t released() const { return released_.load(); }
    /// First messages over all runs of this ledger.
    std::uint64_t told() const { return told_before_ + released_.load(); }
    /// What its first-come event allows; nothing when it has none.
    const FirstCome* first_come() const { return first_come_ ? &*first_come_ : nullptr; }
    std::uint32_t cohort() const { return cohort_now_.load(); }
    void refresh_suppression();

    // ---- opens thread
    /// Looks up the opens that were told and lets them teach the curve.
    void attribute(const std::stop_token& stop);

    // ---- reports, any thread
    enum class Told : std::uint8_t { taken, ended, full };
    /// What a vendor says about this campaign's messages that went over one account, fetched or handed in.
    Told tell_reports(const std::string& account, std::vector<channel::VendorReport> reports);
    /// The requests to ask this account's vendor about now; none unless the run waits for reports.
    std::vector<std::string> due_reports(const std::string& account, TimePoint now, std::size_t at_most);
    /// What a report names this campaign by.
    const std::string& mark() const { return mark_; }

    // ---- operators, any thread
    void pause(bool paused, std::string_view operator_name);
    void set_rate(std::optional<Rate> cap, std::string_view operator_name);
    /// False when it had come to another end before.
    bool abort(std::string_view operator_name);
    void stop(TimePoint deadline, std::string_view operator_name, std::string why = {});
    void observe_opens(double count, TimePoint from, TimePoint to);
    /// Errors: too many wait.
    Result<void> tell_opens(std::span<const Open> opens);
    /// The same by the age of their messages, from whoever knows these already: a rehearsal.
    void observe_opens(const std::vector<OpensOfAge>& opens, TimePoint from, TimePoint to);
    Progress progress() const;
    std::optional<RunResult> wait(Duration timeout) const;
    bool ended() const;
    /// Ended so long ago that nothing it sent is felt any more.
    bool faded(TimePoint now) const;
    /// The Gate's threads are gone: whoever waits is told.
    void abandon();

  private:
    struct Work {
        LedgerRecipient recipient;
        std::vector<LedgerDelivery> deliveries;
    };
    /// Released messages of an account whose requests carry many: gathered for a moment, charged already, intended in
    /// memory and not yet on disk.
    struct Batch {
        std::vector<Attempt> attempts;
        std::vector<DeliveryId> beside;  ///< further deliveries of the same people: durable with it, not before
        TimePoint since{};
        std::optional<WallTime> night_falls;  ///< as in the job
    };
    /// What a round of releasing did with one account.
    struct Served {
        std::size_t released = 0;
        bool held_back = false;  ///< more would have gone at a higher rate
    };
    /// What came back for an attempt, or our own word that it was not handed over.
    struct Answer {
        DeliveryId id;
        Outcome outcome;
        bool ours = false;
    };
    struct Waiting {
        TimePoint due;
        DeliveryId id;
        bool operator<(const Waiting& other) const { return due > other.due; }
    };
    /// For what is in flight when a run ends by itself.
    static constexpr auto wind_up = std::chrono::seconds(20);
    enum class Gone : std::uint8_t { released, wait, dropped };
    /// A report of one account, by its number.
    struct Report {
        std::size_t account = 0;
        channel::VendorReport said;
    };
    enum class Heard : std::uint8_t { nothing, reached, reached_nobody, later };

    // feeder's rooms
    void adopt_open_deliveries(const std::vector<std::pair<LedgerDelivery, LedgerRecipient>>& open);
    void take_answers(TimePoint now);
    bool settle(const Answer& answer, TimePoint now);
    Tries tries_with(const LedgerDelivery& delivery, const Outcome& answer);
    void judge_account(const Asker& message, std::size_t index, const Outcome& answer, bool ours, TimePoint now);
    bool has_way_around(std::size_t index) const;
    void go_around(TimePoint now);
    bool goes_around(DeliveryId id, std::size_t index) const;
    void take_reports(TimePoint now);
    Heard hear(const Report& report, TimePoint now);
    Heard put_report(Work& work, const Report& report, TimePoint now);
    bool reports_owed() const;
    void close_reports();
    void tally(const Account& account, OutcomeClass kind);
    void apply(Work& work, LedgerDelivery& delivery, const Verdict& verdict, TimePoint now);
    void proceed(std::int64_t recipient, TimePoint now);
    void finish_recipient(std::int64_t recipient, Final outcome);
    void wake_waiting(TimePoint now);
    void walk(TimePoint now);
    void admit(LedgerRecipient recipient);
    void move_on(TimePoint now);
    void set_up_gates(const RunParts& parts);
    void watch_canary(TimePoint now);
    void canary_waits(TimePoint now);
    void gate_stands(std::uint32_t cohort, GateState state, std::string why, bool tell);
    double share_seen(TimePoint now) const;
    std::string words_for_gate(TimePoint now) const;
    std::size_t release(TimePoint now);
    void note_appetites(const std::vector<Served>& served, TimePoint now);
    bool paced_at_hand_off(std::size_t account) const;
    bool may_decide(std::size_t account, Rate leased, TimePoint now);
    std::size_t backlog() const;
    Gone try_release(DeliveryId id, Account& account, TimePoint now);
    std::optional<bool> listed(const std::string& identity);
    std::optional<bool> refused(const Recipient& person);
    void anchor(Work& work, DeliveryId first, Batch* batch);
    void close_batches(TimePoint now);
    bool wants_more() const;
    std::size_t account_room(std::size_t index) const;
    bool cohort_is_out() const;
    RunResult completed() const;
    void check_night(TimePoint now, WallTime wall, bool all_on_disk);
    bool idle_until(TimePoint then) const;
    std::string words_for_night() const;
    std::string words_for_deadline() const;
    std::uint64_t pending() const;
    void forget_everyone();
    void skip_recipient(std::int64_t recipient, Final outcome);
    void pass_over(std::int64_t recipient, WallTime until);
    Attempt make_attempt(const Work& work, const LedgerDelivery& delivery, const std::string& address) const;
    void refuse_locally(Work& work, LedgerDelivery& delivery, Account& account, const Error& why, TimePoint now);
    std::size_t account_of(DeliveryId id) const { return steps_[step_of(id)].channel; }
    std::size_t ready_count() const;
    bool repeats_merge(DeliveryId id) const;
    std::vector<DeliveryId> unanswered() const;
    void let_go();
    void check_end(TimePoint now);
    void stop_by_guard(TimePoint deadline);
    void begin_ending(RunState state, int exit_code, std::string why, TimePoint deadline);
    void flush(TimePoint now);
    bool may_release(TimePoint now);
    Work* work_of(DeliveryId id);
    LedgerDelivery* delivery_of(Work& work, DeliveryId id);
    void event_locked(std::string kind, std::string detail, std::string_view operator_name);
    void abort_locked(std::string_view operator_name);
    void lower_now(const std::optional<Rate>& cap);
    double leased_locked(TimePoint now) const;
    void note_reason(std::string reason) { noted_ = std::move(reason); }
    void publish_reason();

    // writer's rooms
    void committed(const WriteJob& job);
    void hand_over(WriteJob& job);
    bool night_has_fallen() const;
    bool hand_over_held();
    std::optional<Rate> leased(std::size_t account) const;
    void submit(Account& account, const std::vector<Attempt>& attempts);
    void keep_back(Account& account, const std::vector<Attempt>& attempts, const char* why);
    void drop_held();
    void commit_failed(WriteJob job, const Error& error);

    // opens' rooms
    Result<void> look_up(const std::vector<Open>& opens, TimePoint told, WallTime wall, const std::stop_token& stop);
    OpensProgress opens_locked(TimePoint now) const;
    ResponseRecord response(TimePoint now, WallTime wall) const;

    // any thread
    void answer(DeliveryId id, Outcome outcome, bool ours = false);
    void finish(const RunResult& result);

    // fixed after construction, but for the ledger's end
    const Campaign campaign_;
    const std::vector<MessageTemplate> messages_;  // by step
    const std::vector<Account*> accounts_;
    const std::vector<RouteStep> steps_;
    std::unique_ptr<Ledger> ledger_;  // gone once the run has ended
    const std::vector<std::shared_ptr<SuppressionSource>> suppression_;
    const std::optional<FirstCome> first_come_;
    const bool shared_;
    const std::uint64_t told_before_;
    const std::uint64_t limit_;
    const Duration watch_after_, wait_reports_;
    const std::string mark_;
    const std::string ledger_path_;
    const Clock& clock_;
    Log& log_;
    const std::function<void()> wake_feeder_, wake_writer_;

    // feeder-confined
    Rng rng_;
    std::string noted_;  // why nothing goes, as found in this round
    CohortClock cohort_clock_;
    CanaryGate canary_gate_;
    GateSight sight_;         // the newest one taken
    std::string gate_waits_;  // why the soak began anew, as told last
    bool gate_told_ = false;  // that the soak has begun
    std::vector<CohortRecord> cohorts_;
    LedgerCursor cursor_;
    std::unordered_map<std::int64_t, Work> working_;
    std::unordered_map<DeliveryId, std::uint32_t> excused_;  // tries of those under way that cost them nothing
    std::unordered_set<std::int64_t> adopted_;               // had open deliveries when the run began
    std::vector<std::deque<DeliveryId>> ready_;              // by account
    std::vector<Batch> batches_;                             // by account; empty where requests carry one message
    std::priority_queue<Waiting> waiting_;
    TimePoint batch_closed_{};            // when one of them was last handed to the writer
    std::vector<RatioBreaker> breakers_;  // by account
    std::vector<TokenBucket> buckets_;    // by account
    std::vector<Appetite> appetites_;     // by account; only where leases are shared
    std::deque<Report> reports_;          // told, and not yet in the job
    Unwritten unwritten_;                 // closed recipients
    std::uint64_t job_number_ = 1;        // of the job being filled
    WriteJob job_;                        // being filled
    Hours hours_;
    WallTime hours_checked_{};
    bool passed_over_ = false;                // somebody untouched, whom a new walk will meet
    std::optional<WallTime> night_ends_;      // somebody waits for the morning
    std::uint64_t begun_ = 0;                 // recipients whose sending has begun, for `limit`
    std::atomic<std::uint64_t> in_doubt_{0};  // attempts without an answer; read by `progress`
    bool walk_ended_ = false;                 // the ledger has no further recipient in this cohort
    bool walked_all_ = false;
    std::size_t turn_ = 0;              // whose account is served first
    std::optional<std::string> guard_;  // why a breaker or a canary's gate stopped the run
    std::optional<RunResult> ending_;
    TimePoint ending_deadline_{};
    bool last_pushed_ = false;
    TimePoint last_release_;
    TimePoint last_elapsed_{};

    Outbox outbox_;
    std::vector<std::atomic<std::size_t>> backlog_;  // by account: decided, and not yet through the valve
    std::vector<std::atomic<double>> could_use_;     // by account, messages/s; read by the control thread

    // writer-confined
    std::vector<Valve> valves_;  // by account

    // written by the writer, read by the feeder
    std::atomic<bool> disk_trouble_{false};
    TimePoint disk_trouble_since_{};       // writer-confined
    std::optional<WallTime> night_falls_;  // writer-confined: for what was released by day
    TimePoint disk_retry_at_{};            // writer-confined
    std::atomic<bool> disk_given_up_{false};
    std::string disk_error_;  // under mutex_

    std::atomic<std::uint64_t> written_{0};  // number of the newest job on disk

    std::atomic<std::uint64_t> released_{0};
    std::atomic<std::uint32_t> cohort_now_{0};
    std::atomic<bool> suppression_unreadable_{false};
    std::atomic<TimePoint> lists_read_{TimePoint{}};
    std::atomic<bool> hungry_{false};  // there is something to send and nothing but the pace in its way
    std::atomic<bool> closed_to_operators_{false};

    mutable std::mutex pace_mutex_;  // pacer, leases, reaction
    Pacer pacer_;
    std::vector<Lease> leases_;
    bool green_ = true;
    std::optional<GateSight> new_sight_;
    Reaction reaction_;
    const TimePoint begun_at_;
    OpensProgress opens_;                     // counts only
    double counted_opens_ = 0;                // by interval
    std::optional<TimePoint> counted_at_;     // newest moment of a count
    std::optional<TimePoint> attributed_at_;  // newest moment of an attribution
    const double response_horizon_;           // seconds
    const double believed_total_;             // opens per message, up to the horizon

    // opens-confined
    std::unique_ptr<ledger::KeyLookup> lookup_;
    std::optional<Attribution> attribution_;
    bool lookup_trouble_ = false;

    TimePoint response_recorded_{};  // control-confined

    mutable std::mutex told_mutex_;  // what waits for the opens thread
    std::vector<Open> told_;
    std::optional<std::pair<TimePoint, WallTime>> told_at_;

    mutable std::mutex reports_mutex_;
    std::vector<Report> reports_told_;
    AwaitedReports awaited_;
    bool reports_closed_ = false;

    mutable std::mutex answers_mutex_;
    std::vector<Answer> answers_;

    mutable std::mutex mutex_;  // everything below
    mutable std::condition_variable changed_;
    LedgerTotals totals_;
    LedgerBatch facts_;
    bool paused_ = false;
    bool aborted_ = false;
    bool state_to_tell_ = false;  // an operator's order here that the other nodes have not been told
    bool rate_to_tell_ = false;
    std::string ordered_by_;             // who paused or aborted it, for people
    std::optional<std::string> failed_;  // why the environment does not let it go on
    std::optional<TimePoint> stop_deadline_;
    std::string stop_why_;
    std::optional<Rate> operator_cap_;
    std::string reason_;  // why nothing goes, or empty
    std::vector<GateProgress> gates_;
    std::optional<RunResult> result_;
    TimePoint ended_at_{};
    mutable std::deque<std::pair<TimePoint, std::uint64_t>> recent_;
};

}  // namespace tidegate::delivery
