// The control thread's work, continued: one brain for the nodes of a domain.

#include <algorithm>
#include <cmath>
#include <limits>

#include "delivery/steering.hpp"

namespace tidegate::delivery {

/// The campaigns of a domain, each once: those that are sent from here with what others have sent of them, and, where
/// this node leads, all the others.
void Steering::join(std::vector<View>& views, const QuotaView& domain, TimePoint now) {
    // A run that ended in this gate is part of the record that the next one of its campaign goes by.
    std::set<std::string> newest;
    for (std::size_t i = views.size(); i-- > 0;)
        if (!newest.insert(views[i].id).second && leads_) views.erase(views.begin() + static_cast<std::ptrdiff_t>(i));
    if (leads_) {
        loaded_.clear();
        for (const DomainCampaign& campaign : domain.campaigns) {
            const auto mine =
                std::find_if(views.begin(), views.end(), [&](const View& view) { return view.id == campaign.id; });
            if (mine != views.end()) {
                mine->reaction = with_others(std::move(mine->reaction), campaign, now);
                mine->sends = mine->active || campaign.wants.per_second > 0;
                if (campaign.wants.per_second > mine->rate) mine->rate = campaign.wants.per_second;
                continue;
            }
            const double wants = campaign.wants.per_second;
            View view{nullptr, campaign.id, campaign.card.priority, {}, reaction_of(campaign), false, wants > 0, false,
                      wants,   {}};
            for (const auto& entry : campaign.card.impact) {
                const auto& backend = entry.first;
                const auto& impact = entry.second;
                view.impact[backend] = {impact.per_open, impact.per_delivery};
                const bool known = std::any_of(backends_.begin(), backends_.end(),
                                               [&](const auto& watch) { return watch->options().name == backend; });
                if (known || (impact.per_open <= 0 && impact.per_delivery <= 0)) continue;
                view.rate = 0;
                view.bound = true;
                view.reason = "the leader's site has no backend \"" + backend + "\"";
            }
            views.push_back(std::move(view));
        }
    }
    for (const auto& backend : backends_) {
        const std::string& name = backend->options().name;
        if (backend->options().shadow) continue;
        if (std::any_of(views.begin(), views.end(), [&](const View& view) { return impact_on(view, name); }))
            loaded_.insert(name);
    }
}

/// A backend that another node judges. What can be seen of it here keeps the controller warm, so that this node may
/// take over; nothing of that is needed to send.
void Steering::follow(BackendWatch& backend, std::vector<View>& views, const QuotaView& domain, TimePoint now,
                      WallTime wall, bool record) {
    const std::string& name = backend.options().name;
    const auto heard = domain.words.find("be:" + name);
    const std::optional<BackendWord> word =
        heard != domain.words.end() ? backend_word(name, heard->second) : std::nullopt;
    if (word && word->median_s > 0) backend.expect(word->median_s, word->per_open);
    const BackendWatch::Seen seen = backend.poll(now);
    if (seen.fresh && word) backend.judge(word->ours, word->fades_s, now, wall);
    const Advice& advice = backend.follow(word, now);
    backend.publish(0);

    std::vector<std::size_t> owner;
    double expected = 0;
    for (std::size_t i = 0; i < views.size(); ++i) {
        View& view = views[i];
        const std::optional<Impact> impact = impact_on(view, name);
        if (!impact) continue;
        owner.push_back(i);
        const Commitment ours{&view.reaction, *impact};
        expected += predicted_load({ours}, now);
        if (backend.options().shadow || !view.active) continue;
        BackendSight sight;
        sight.backend = name;
        if (word) sight = word->sight;
        if (sight.breach) sight.ours = predicted_load({ours}, sight.sampled);
        view.sight.backends.push_back(std::move(sight));
        // Its rate stays what it wants, so that the leader hears of it; without the leader's target nothing goes.
        if (!advice.open) view.green = false;
    }
    put_on_record(backend, seen, owner, views, 0, expected, wall, record);
}

void Steering::note_word(const BackendWatch& backend, const Advice& advice, const BackendWord& loads, TimePoint now) {
    const std::optional<BackendSight> sight = backend.sight([](TimePoint) { return 0.0; });
    BackendWord word = loads;
    if (sight) {
        word.sight = *sight;
    } else {
        // Not watched, or in shadow: nothing holds because of it, and there is no sample to wait for.
        word.sight.sampled = now;
        word.sight.reason = advice.reason;
    }
    word.state = advice.state;
    words_["be:" + backend.options().name] = to_text(word, now);
}

/// What this node sends, and as the leader what everybody may.
void Steering::tell(const std::vector<View>& views, const std::vector<std::shared_ptr<CampaignRun>>& runs,
                    TimePoint now) {
    std::vector<CampaignPart> parts;
    for (std::size_t i = runs.size(); i-- > 0;) {
        const CampaignRun& run = *runs[i];
        const auto known = std::find_if(parts.begin(), parts.end(),
                                        [&](const CampaignPart& part) { return part.id == run.campaign().id; });
        if (known == parts.end()) {
            if (!run.faded(now)) parts.push_back(part_of(run.campaign(), run.reaction(), now));
            continue;
        }
        // An earlier run of it in this gate.
        const CampaignPart earlier = part_of(run.campaign(), run.reaction(), now);
        known->sent += earlier.sent;
        known->recent.insert(known->recent.end(), earlier.recent.begin(), earlier.recent.end());
    }
    const bool sees = std::all_of(backends_.begin(), backends_.end(), [&](const auto& backend) {
        return !loaded_.contains(backend->options().name) || backend->sees(now);
    });
    sharing_->store().report(std::move(parts), sees);

    std::map<std::string, Rate> targets;
    for (const View& view : views) {
        if (!leads_ || !view.sends) continue;
        targets["camp:" + view.id] = view.bound ? Rate{view.rate} : Rate::unlimited();
        if (view.bound) words_["camp:" + view.id] = view.reason;
    }
    sharing_->store().set_targets(std::move(targets),
                                  leads_ ? std::move(words_) : std::map<std::string, std::string>());
}

}  // namespace tidegate::delivery
