#pragma once

#include "tidegate/base/result.hpp"

namespace tidegate {

/// The constants of the pacing law that have a physical meaning. The defaults serve every backend and campaign measured
/// so far; whoever changes one should run `table` over the scenarios of examples/incidents before and after. Nothing
/// here is a rate or a number of recipients: shares, probabilities, counts of opens or samples, medians (of the lag
/// between send and open) and periods (of a backend's telemetry). Source in brackets: [R] reference law, [P] posterior
/// law and its part, [X] found by experiment, see lib/pacing/README.md.
struct Law {
    // The risk taken.
    double accepted = 0.05;  ///< probability of being wrong that is lived with, for capacity, curve and change [P]
    double target = 0.92;    ///< share of the latency objective that p99 is planned for; lower is slower, safer [X]
    double planned_signal = 0.9;     ///< share of a leading signal's limit that is planned for [X; R 0.75, P 0.6]
    double most_utilisation = 0.95;  ///< of a believed capacity, whatever the latency allows [P]

    // How reactions are learnt.
    double pseudo_opens = 5.0;  ///< opens the family of curves is worth in each lag bin [P A]
    double curve_doubt = 1.64;  ///< standard errors of the opens seen that a curve is raised by: one-sided 95 % [P A]
    double unseen_doubt = 1.1;  ///< factor on the believed curve while opens are not counted [X]
    double memory_medians = 10.0;    ///< medians after which an observation of opens has lost two thirds [R, P A]
    double memory_intervals = 40.0;  ///< the same in intervals of counting; the longer of both holds [P A]

    // How changes of the audience and stalls of the provider are noticed.
    double fresh_medians = 0.5;     ///< messages younger than this show a change first [R, P A]
    double drift_medians = 0.5;     ///< memory of the comparison that finds drift [P A]
    double drift_prior = 30.0;      ///< opens by which expectation itself counts there [P A]
    double drift_doubt = 2.0;       ///< standard errors a surprise must pass to count as drift [X; P 1.64]
    double stall_medians = 0.25;    ///< memory of the comparison that finds a stall [P A]
    double stall_share = 1.0 / 3;   ///< of the fresh opens expected; fewer is a stall [P A]
    double stall_expected = 20.0;   ///< fresh opens that must be expected for that verdict [P A]
    double blind_share = 0.05;      ///< of the opens of older messages; fewer means that nobody counts them [X]
    double stall_evidence = 100.0;  ///< opens seen in all before a silence means anything [P A]
    double release_error = 0.1;     ///< error of the older curve that is not taken for a release [X]
    double trial_medians = 5.0;     ///< after this long a stall is put to the test by sending [X; R 4 tau]

    // How long a rate is promised: until the next evidence can correct it; the longer of both.
    double promise_periods = 2.0;   ///< [P D]
    double promise_medians = 0.15;  ///< [X; P 0.25]

    // The baseline, everybody else's load.
    double baseline_gain = 0.3;   ///< of a surprise that is noise [R, P B]
    double jump = 4.0;            ///< spreads; a larger surprise is a change of level, believed at once upward [P B]
    double jump_down_gain = 0.5;  ///< of a jump downward: relief is believed more slowly [P B]
    double margin_misses = 0.02;  ///< share of the loads one lag ahead that may exceed what was foreseen [X; P 0.01]
    double first_margin = 3.0;    ///< spreads left free before the record tells [P B]
    double least_margin = 2.0;    ///< spreads left free at least [P B]
    double most_margin = 6.0;     ///< spreads left free at most [P B]
    double per_missed = 4.0;      ///< factor on the spread for each sample that should have come [X; P 2]
    double harmless = 0.25;       ///< share of the baseline that such room is at most [X]
    double at_ease = 0.5;         ///< share of what is allowed up to which a baseline's spread is harmless room [X]

    // Capacity, by twins.
    double wall_per_doubling = 0.35;   ///< prior chance that the next doubling of the load meets the wall [X; P 0.25]
    double memory_samples = 150.0;     ///< samples a belief about capacity rests on [P C]
    double change_per_sample = 0.002;  ///< prior chance that a backend changes between two samples [P C]
    double changed = 0.8;              ///< probability of a change from which on the backend is learnt anew [P C]
    double glitch_share = 0.01;        ///< samples that are glitches, before the record tells [P C]
    double broke_again = 0.02;         ///< belief left in loads that broke the backend once [P C]
    double broke_samples = 720.0;      ///< samples after which that has lost two thirds [P C]
    double vouched_wrongly = 0.1;      ///< belief left in less than the capacity hint [X]
    double bias_ahead = 1.5;        ///< times a latency that keeps coming out higher: it leaks on until sends land [X]
    double noise_alone = 2.0;       ///< noises by which one p99 may pass the objective where less was foreseen [X]
    double queueing = 0.15;         ///< share of the objective spent waiting that counts as a queue [P C]
    double signal_samples = 500.0;  ///< samples a leading signal's line rests on [R]

    // Latency without load: our own load that was borne.
    double blind_target = 0.65;    ///< share of what is allowed that is planned for [X; R 0.75]
    double lead = 1.0;             ///< step beyond the proven load at full headroom [R]
    double cut = 0.8;              ///< share of our load kept as a ceiling after we went too far [R]
    double cut_when_lost = 0.5;    ///< the same when capacity was taken away [R]
    double creep = 0.007;          ///< of that ceiling, forgotten each tau at full headroom [R]
    double creep_when_lost = 0.1;  ///< the same when capacity was taken away [R]

    // Beginning, and doubtful telemetry.
    double start_requests = 500.0;  ///< requests in one tau (lag + period + delay): the least load worth measuring [R]
    double several = 3.0;           ///< good samples before anything is released, also after a silence [R]
    double bad_errors = 0.8;        ///< share of the error objective from which on errors count as latency [X]
    double stale_periods = 2.2;  ///< periods beyond the usual delay until telemetry is stale; max_age may be sooner [X]
    double fewest_requests = 50.0;  ///< requests a p99 must rest on [R]
    double frozen_samples = 6.0;    ///< equal samples that mean a frozen exporter; three times that without load [R]

    // The reserve, against lost capacity and against surges unseen.
    double backlog = 5.7;  ///< times the latency objective: work that may queue when a reserve is called on [X; P 5]
    double others_fit = 1.05;  ///< a loss that leaves the others less than this of their load is not reserved for [P D]
    double surge = 0.95;       ///< share by which others' load may rise while old telemetry does not show it [X]
    double old_medians = 0.5;  ///< period and delay of telemetry, in median lags, from which it is old [X]
    double surge_costs = 0.15;   ///< share of the room that reserving for such a surge takes at most [X]
    double fading_spread = 1.2;  ///< spread of the lag by which our load then fades [R]

    bool operator==(const Law&) const = default;
    /// All faults at once: values that are no number or outside of what they can mean.
    TIDEGATE_EXPORT Faults validate() const;
};

}  // namespace tidegate
