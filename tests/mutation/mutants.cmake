# mutant(<name> <source under lib/> <the rule, as it stands there once> <what stands there without it> <the property that misses it>)
#
# The first five are the rules a campaign's safety rests on; the others show that the properties are sharp.

mutant(stale_hold pacing/controller.cpp
    [[advice.age_s > stale_after()]]
    [[false]]
    "telemetry that stopped stops the sends")

mutant(frozen_hold pacing/controller.cpp
    [[if (evidence_.frozen())
            return shut(]]
    [[if (false)
            return shut(]]
    "values that stand still stop the sends")

mutant(committed_load pacing/admission.cpp
    [[(room - committed) / effect]]
    [[room / effect]]
    "what was granted is reckoned with")

mutant(surge_attribution pacing/capacity_twins.cpp
    [[!suspect && !(p99 >= slo_ && load > limit_.median)]]
    [[!suspect]]
    "somebody else's surge teaches nothing about the backend")

mutant(surge_noticed pacing/baseline.cpp
    [[(jump ? (error > 0.0 ? 1.0 : law_.jump_down_gain) : law_.baseline_gain)]]
    [[(jump ? 0.0 : law_.baseline_gain)]]
    "somebody else's surge takes from our room at once")

mutant(stall_detection pacing/admission.cpp
    [[mine.reaction->stalled(now)]]
    [[false]]
    "a provider that stalls is given nothing more")

mutant(nonsense pacing/evidence.cpp
    [[std::isnan(value)]]
    [[false]]
    "a p99 that is no number opens nothing")

mutant(reserve pacing/controller.cpp
    [[std::min(free, survivable)]]
    [[free]]
    "what the reserve may lose is left free")

mutant(capacity_hint pacing/controller.cpp
    [[bound(options_.capacity_hint.value_or(kInfinity));]]
    [[]]
    "nothing passes the capacity hint")
