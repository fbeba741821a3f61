#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "tidegate/pacing/committed_load.hpp"
#include "tidegate/pacing/response_model.hpp"

namespace tidegate {

/// Opens by the age of the message that was opened.
struct OpensOfAge {
    double age_s = 0.0;  ///< seconds from send to open
    double count = 0.0;  ///< how many

    bool operator==(const OpensOfAge&) const = default;
};

/// What one campaign's messages are causing: what was granted and when, the curve by which people react, and whether
/// the provider still delivers. Pure; confined to one thread; a copy is a snapshot.
class TIDEGATE_EXPORT Reaction {
  public:
    Reaction(const ResponseOptions& belief, TimePoint start, const Law& law = {});  ///< knows only the belief

    /// Messages count from the moment they are granted.
    void grant(double messages, TimePoint now);
    /// Granted, and since known to have reached nobody: never handed over, or refused.
    void take_back(double messages, TimePoint now);
    /// The same people, but these sends: those of all nodes. Opens counted so far were of ours alone and are left out.
    void count_as_sent(CommittedLoad sent);

    /// Opens seen between two moments, later than those of the last call; none seen is news too. Nonsense is ignored.
    void see_opens(double count, TimePoint from, TimePoint to);
    void see_opens(const std::vector<OpensOfAge>& opens, TimePoint from, TimePoint to);  ///< the same, by age

    /// Opens/s expected at `at` from everything granted before it.
    double opens_at(TimePoint at) const;
    /// Opens/s seen between two moments of the last minutes; nothing when they were not counted all that time.
    std::optional<double> seen_opens(TimePoint from, TimePoint to) const;
    /// Fresh opens against those expected, at least 1: people who react more than the curve learnt so far says.
    double drift() const { return drift_; }
    /// Opens of old messages stopped together with those of fresh ones: nobody counts them any more, and what is
    /// counted is left aside until they come again.
    bool blind() const { return blind_; }
    /// Opens of fresh messages have all but stopped, so the provider holds them back :
    /// what is sent now would be let go later, all at once.
    bool stalled(TimePoint now) const;

    const ResponseModel& model() const { return model_; }  ///< the curve as learnt
    const CommittedLoad& sent() const { return sent_; }    ///< what was granted

  private:
    /// Observed and expected opens of fresh messages, forgotten within a time.
    struct Fresh {
        double seen = 0.0, expected = 0.0;
        void add(double more_seen, double more_expected, double keep);
    };
    void see(const std::vector<double>& opens, bool ages_known, TimePoint from, TimePoint to);
    void watch(const std::vector<double>& opens, const std::vector<double>& messages, double seconds, TimePoint to);

    struct Seen {
        TimePoint from, to;
        double count;
    };
    Law law_;
    ResponseModel model_;
    CommittedLoad sent_;
    std::deque<Seen> seen_;
    double drift_ = 1.0;
    Fresh slow_, quick_;
    Fresh old_;  // opens of messages that are no longer fresh
    bool blind_ = false;
    double sent_since_release(TimePoint now) const;
    bool trial_due(TimePoint now) const;

    bool stalled_ = false, on_trial_ = false;
    TimePoint stalled_since_{};  // first message that may be held
    TimePoint stalled_at_{};     // when it was noticed
    TimePoint released_ = TimePoint::min();
    TimePoint learn_after_ = TimePoint::min();  // while ages are unknown
};

}  // namespace tidegate
