// Compiled with warnings as errors: naming one member of a public aggregate must not warn about the others, and every
// public header must be usable by a consumer with strict settings.

#include <tidegate/audience/recipient.hpp>
#include <tidegate/audience/source.hpp>
#include <tidegate/channel/breaker.hpp>
#include <tidegate/channel/channel.hpp>
#include <tidegate/channel/options.hpp>
#include <tidegate/cohort/plan.hpp>
#include <tidegate/control/server.hpp>
#include <tidegate/delivery/collect.hpp>
#include <tidegate/delivery/config.hpp>
#include <tidegate/delivery/event_plan.hpp>
#include <tidegate/delivery/forecast.hpp>
#include <tidegate/delivery/gate.hpp>
#include <tidegate/delivery/observer.hpp>
#include <tidegate/ledger/sqlite_ledger.hpp>
#include <tidegate/pacing/admission.hpp>
#include <tidegate/pacing/controller.hpp>
#include <tidegate/pacing/first_come.hpp>
#include <tidegate/pacing/law.hpp>
#include <tidegate/pacing/pacer.hpp>
#include <tidegate/quota/quota_state.hpp>
#include <tidegate/quota/quota_store.hpp>
#include <tidegate/quota/shared_quota.hpp>
#include <tidegate/report/report.hpp>
#include <tidegate/signal/history.hpp>
#include <tidegate/signal/options.hpp>
#include <tidegate/sim/simulate.hpp>
#include <tuple>

using namespace tidegate;

int main() {
    const std::tuple all{
        Error{.code = Errc::invalid},
        Address{.type = ""},
        Recipient{.key = ""},
        AudienceMapping{.key = ""},
        AudienceRow{.number = 1},
        BreakerOptions{.in_a_row = 1},
        ChannelTraits{.kind = ""},
        ApnsOptions{.key = {}},
        FcmOptions{.credentials = {}},
        WebhookOptions{.url = ""},
        ChannelOptions{.name = ""},
        CohortOptions{.column = ""},
        Place{.cohort = 1},
        SendStep{.channel = ""},
        AudienceOptions{.file = ""},
        Campaign{.id = ""},
        LoadedCampaign{.site = {}},
        ForecastInput{.now = {}},
        ForecastCohort{.label = ""},
        ForecastLoad{.backend = ""},
        Forecast{.starts = {}},
        GateOptions{.dry_run = true},
        RunOptions{.must_exist = true},
        PreviewMessage{.recipient = 1},
        Preview{.totals = {}},
        BackendProgress{.name = ""},
        Progress{.campaign = ""},
        RunResult{.exit_code = 0},
        Backend{.limits = {}},
        QuotaOptions{.store = {.redis = ""}},
        Site{.backends = {}},
        LedgerBatch{.deliveries = {}},
        LedgerCursor{.cohort = 1},
        LedgerTotals{.rows = 1},
        IngestOptions{.path = ""},
        LedgerRecipient{.id = 1},
        LedgerDelivery{.id = 1},
        RecipientFinal{.id = 1},
        BackendTick{.at = {}},
        CampaignTick{.at = {}},
        HoldRecord{.backend = ""},
        CohortRecord{.index = 1},
        EventRecord{.at = {}},
        MalformedRecord{.row = 1},
        ChannelTally{.name = ""},
        BackendSummary{.name = ""},
        Attempt{.delivery = 1},
        Message{.title = ""},
        RenderedMessage{.title = ""},
        Outcome{.kind = OutcomeClass::accepted},
        Commitment{.reaction = nullptr},
        Admission{.rate = 1},
        Advice{.open = true},
        BackendOptions{.name = ""},
        ResponseOptions{.open_rate = 0.1},
        Impact{.per_open = 1},
        Allowance{.rate = {}},
        Flow{.id = ""},
        Lease{.flow = ""},
        Claim{.priority = 1},
        RunReport{.campaign = ""},
        RunSeries{.ticks = {}},
        ReportPanel{.title = ""},
        ExtraReading{.name = ""},
        Observation{.at = {}},
        ExtraQuery{.name = ""},
        ProbeSignal{.url = ""},
        PrometheusSignal{.url = ""},
        JsonSignal{.url = ""},
        PushSignal{.every = {}},
        SolapiAccount{.api_key = ""},
        NhnAccount{.app_key = ""},
        AlimtalkOptions{.vendor = {}},
        SmsOptions{.vendor = {}},
        control::ServerOptions{.listen = ""},
        CollectOptions{.operator_name = ""},
        Collected{.delivered = 1},
        EventOptions{.at = {}},
        EventLot{.recipients = 1},
        EventPlan{.at = {}},
        ObserverOptions{.history_dir = ""},
        LoadedSite{.site = {}},
        Open{.key = ""},
        OpensProgress{.seen = 1},
        GateProgress{.canary = ""},
        HistorySummary{.samples = 1},
        ResponseRecord{.known = ""},
        RushOptions{.response = 0.5},
        RushRoom{.room = 1},
        RushWord{.may_tell = 1},
        Law{.accepted = 0.05},
        LeaseRules{.jitter = 0.2},
        SharedQuotaOptions{.redis = ""},
        QuotaOrder{.generation = 1},
        QuotaView{.node = ""},
        QuotaState{.epoch = 1},
        QuotaChange{.rate = Rate{1}},
        QuotaState::Claim{.flow = ""},
        QuotaState::Node{.name = ""},
        QuotaState::Resource{.name = ""},
        sim::Scenario{.name = ""},
        sim::Policy{.fixed_rate = 1},
    };
    return std::tuple_size_v<decltype(all)> > 0 ? 0 : 1;
}
