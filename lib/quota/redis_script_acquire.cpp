#include "quota/redis_script_parts.hpp"

namespace tidegate::quota {

const char* const acquire_begins = R"lua(
local fields = {'proto', 'rules', 'server', 'epoch', 'v', 'last', 'quiet', 'n', 'cursor', 'leader', 'targets', 'gen',
                'camps', 'quiesce', 'marks', 'syncs', 'wakes', 'n:' .. q.node, 'k:' .. q.node, 'S:domain'}
for subject in pairs(q.orders) do fields[#fields + 1] = 'S:' .. subject end
for id in pairs(q.cards) do
    for _, kind in ipairs({'D:', 'G:', 'P:'}) do fields[#fields + 1] = kind .. id end
end
for _, flow in ipairs(q.flows) do
    for _, r in ipairs(flow.r) do
        if known['C:' .. r[1]] == nil then
            known['C:' .. r[1]] = false
            for _, kind in ipairs({'C:', 'R:', 'K:', 'S:'}) do fields[#fields + 1] = kind .. r[1] end
        end
    end
end
load(fields)

if get('proto') and get('proto') ~= tostring(q.proto) then
    return cjson.encode({refused = 'version', why = 'the domain speaks protocol ' .. get('proto')})
end
-- Other rules take over when nobody who keeps the old ones can hold anything any more, and after a silence all the same:
-- the server's clock may have leapt.
local changed = get('rules') and get('rules') ~= q.rules
if changed and math.abs(now - num('last')) <= num('quiesce') then
    return cjson.encode({refused = 'rules',
                         why = 'the domain uses other lease rules (' .. get('rules') .. ') until its nodes have ended'})
end

local entry = get('n:' .. q.node) and cjson.decode(get('n:' .. q.node))
local leader = get('leader') and cjson.decode(get('leader'))
local newest = entry and entry.s or leader and leader.n == q.node and leader.s or 0
if q.seq <= newest then
    return cjson.encode({refused = 'sequence', why = 'a later request of this node came first'})
end

-- Incarnation: another server, a lost hash, or one older than what this node has seen before.
local v, epoch = num('v'), num('epoch')
local fresh = changed or get('server') ~= server or not get('v') or not get('last')
    or q.epoch > epoch or (q.epoch == epoch and q.seen > v)
if fresh then
    epoch = math.max(epoch, q.epoch) + 1
    v = math.max(v, q.seen)
    local quiesce = math.max(q.quiesce, changed and num('quiesce') or 0)
    put('quiet', fmt(v + quiesce))
    put('server', server)
    put('epoch', fmt(epoch))
else
    -- Virtual clock: a step of the server's clock counts as little time, and for a node that we know as no more than
    -- has passed on its own clock.
    local gain = math.max(0, math.min(now - num('last'), q.step))
    if entry and q.since >= 0 then
        gain = math.max(0, math.min(gain, tonumber(entry.v) + q.since * 1.01 + q.margin - v))
    end
    v = v + math.floor(gain)
end

-- Proof of the fence. When an acknowledgement was sent nobody can tell: it may have waited, in our own queue if we were
-- frozen. But whoever acknowledges more than had been written at a mark followed us after it.
if q.replicas > 0 then
    local marks, youngest, following = {}, math.huge, 0
    for at, written in string.gmatch(not fresh and get('marks') or '', '(%d+):(%d+)') do
        local age = now - tonumber(at)
        if age >= 0 and age <= q.stale then
            marks[#marks + 1] = at .. ':' .. written
            youngest = math.min(youngest, age)
            local after = 0
            for _, offset in ipairs(acknowledged) do
                if offset > tonumber(written) then after = after + 1 end
            end
            following = math.max(following, after)
        end
    end
    if #marks > 0 and following < q.replicas and num('quiet') <= v and num('wakes') <= v then
        return not_followed(following)
    end
    if youngest > q.stale / 8 then
        local stats = redis.call('INFO', 'stats')
        local syncs = string.match(stats, 'sync_full:(%d+)') .. '+' .. string.match(stats, 'sync_partial_ok:(%d+)')
        -- Nobody has asked for long. Replicas that never left, and acknowledge every second, are given the time to do so.
        -- Others may come from a successor of ours, whose leases stand.
        if #marks == 0 and get('syncs') == syncs then
            put('wakes', fmt(v + 1.2e6))
        elseif #marks == 0 then
            put('quiet', fmt(math.max(num('quiet'), v + q.quiesce)))
        end
        put('syncs', syncs)
        marks[#marks + 1] = fmt(now) .. ':' .. string.match(info, 'master_repl_offset:(%d+)')
        put('marks', table.concat(marks, ' '))
    end
end
put('v', fmt(v))
put('last', fmt(now))
put('proto', tostring(q.proto))
put('rules', q.rules)
put('quiesce', fmt(q.quiesce))
local quiet = math.max(num('quiet'), num('wakes')) - v

)lua";

const char* const acquire_goes_on =
    R"lua(-- Sums: C: committed, R: who wants how much, as counts and sums by priority and size.
local committed, wanted = {}, {}
local function charge(resource, amount)
    committed[resource] = (committed[resource] or num('C:' .. resource)) + amount
end
local function demand_of(resource)
    if not wanted[resource] then
        local text = get('R:' .. resource)
        wanted[resource] = text and cjson.decode(text) or {}
    end
    return wanted[resource]
end
local function count(resource, priority, wants, sign)
    if wants <= 0 then return end
    local demand = demand_of(resource)
    local size = tostring(math.floor(math.log(wants) * 5.7708))
    local tier = demand[priority] or {}
    local cell = tier[size] or {0, 0}
    cell[1] = cell[1] + sign
    cell[2] = cell[2] + sign * wants
    tier[size] = cell[1] > 0 and cell or nil
    demand[priority] = next(tier) and tier or nil
end
local function release(old)
    for _, flow in ipairs(old.f) do
        for resource, amount in pairs(flow.c) do charge(resource, -amount) end
        for resource, wants in pairs(flow.w) do count(resource, flow.p, wants, -1) end
    end
end

-- The table of nodes is dense, so a few slots a call visit everybody soon. The last slot moves into a hole.
local nodes = num('n')
local function forget(node)
    local slot = num('k:' .. node)
    if get('n:' .. node) then
        local gone = cjson.decode(get('n:' .. node))
        settle(gone)
        release(gone)
    end
    local moved = get('i:' .. nodes)
    put('i:' .. slot, moved)
    put('i:' .. nodes, false)
    if slot ~= nodes then put('k:' .. string.match(moved, '^%d+ (.+)$'), tostring(slot)) end
    put('n:' .. node, false)
    put('k:' .. node, false)
    nodes = nodes - 1
end
local soonest = -1
local cursor = num('cursor')
for _ = 1, math.min(nodes, 8) do
    if nodes == 0 then break end
    cursor = cursor % nodes + 1
    local expiry, node = string.match(get('i:' .. cursor) or '', '^(%d+) (.+)$')
    if node and node ~= q.node then
        local left = tonumber(expiry) - v
        if left <= 0 then
            forget(node)
            cursor = cursor - 1
        elseif soonest < 0 or left < soonest then
            soonest = left
        end
    end
end
put('cursor', fmt(math.max(cursor, 0)))

-- What operators and leaders said.
for subject, order in pairs(q.orders) do keep_order(subject, order) end
if leader and tonumber(leader.x) <= v then leader.gone = true end
local until_then = v + q.lease + q.step + q.margin
if q.lead then
    if not leader or leader.gone or leader.n == q.node then
        local term = leader and leader.t or 0
        if not leader or leader.gone then term = math.max(term, q.term) + 1 end
        leader = {n = q.node, t = term, x = fmt(until_then), s = q.seq}
        put('leader', cjson.encode(leader))
    end
elseif leader and leader.n == q.node then
    leader = nil
    put('leader', false)
end
-- Targets hold in the term they were made in: a leader's last word that comes when its term is over begins a new one.
if q.targets and leader and leader.n == q.node and leader.t == q.term then
    put('targets', cjson.encode({x = fmt(v + q.lease), v = fmt(v), c = q.targets, b = q.words}))
end
local targets = get('targets') and cjson.decode(get('targets'))
if targets and tonumber(targets.x) <= v then targets.ended = true end

local function lower(a, b) return b < 0 or (a >= 0 and a < b) end
local amounts, unsteered = {}, 0
local function amount(resource)
    if amounts[resource] then return amounts[resource] end
    local generation, cap = string.match(get('K:' .. resource) or '', '^(%d+) (%-?%d+)$')
    generation, cap = tonumber(generation), tonumber(cap)
    local mine = q.caps[resource]
    if mine and (not cap or mine[1] > generation or (mine[1] == generation and lower(mine[2], cap))) then
        cap = mine[2]
        put('K:' .. resource, fmt(mine[1]) .. ' ' .. fmt(cap))
    end
    local result = not cap and 0 or cap < 0 and math.huge or cap
    local order = order_of(resource)
    if order and order[3] >= 0 then result = math.min(result, order[3]) end
    local target = targets and targets.c[resource]
    if target then result = targets.ended and 0 or math.min(result, target) end
    -- A campaign that has a card waits for a leader's word.
    local id = string.match(resource, '^camp:(.+)$')
    if id and get('D:' .. id) and (not target or targets.ended) then
        result = 0
        unsteered = unsteered + 1
    end
    amounts[resource] = result
    return result
end
local function stopped(subject)
    local order = order_of(subject)
    return order and order[2] ~= 'run' and subject .. ' (' .. order[2] .. ')'
end

-- Shares: a floor for everybody, then strictly by priority, equals by max-min fairness. Everybody of one priority has the
-- same level, so a node that asks first gets no more than one that asks last.
local function sorted(tier)
    local cells = {}
    for _, cell in pairs(tier) do cells[#cells + 1] = {cell[2] / cell[1], cell[1]} end
    table.sort(cells, function(a, b) return a[1] < b[1] end)
    return cells
end
local function below(cells, level)
    local sum = 0
    for _, cell in ipairs(cells) do sum = sum + cell[2] * math.min(cell[1], level) end
    return sum
end
local function fill(cells, left)
    local claims = 0
    for _, cell in ipairs(cells) do claims = claims + cell[2] end
    for _, cell in ipairs(cells) do
        if cell[1] > left / claims then return left / claims end
        left = left - cell[1] * cell[2]
        claims = claims - cell[2]
    end
    return math.huge
end
local function level(resource, all, priority)
    local demand, claims = demand_of(resource), 0
    local tiers = {}
    for p, tier in pairs(demand) do
        tiers[p] = sorted(tier)
        for _, cell in ipairs(tiers[p]) do claims = claims + cell[2] end
    end
    if claims == 0 then return 0, 0 end
    local floor = 0.05 * all / claims
    local left = all
    for _, cells in pairs(tiers) do left = left - below(cells, floor) end
    for p = 9, 0, -1 do
        local cells = tiers[tostring(p)]
        if cells then
            local mine = below(cells, floor)
            local here = fill(cells, left + mine)
            if tostring(p) == priority then return here, claims end
            left = left + mine - below(cells, here)
        end
    end
    return 0, claims
end

-- Registered before shares are counted: the caller's old entry goes, its wants and what it can still emit come.
if entry then
    settle(entry, q.cards)
    release(entry)
end
local fresh_flows, grants, limits = {}, {}, {}
local slot = num('k:' .. q.node)
if #q.flows > 0 and slot == 0 then
    nodes = nodes + 1
    slot = nodes
    put('k:' .. q.node, tostring(slot))
end
for i, flow in ipairs(q.flows) do
    local mine = {i = flow.id, p = tostring(flow.p), c = {}, w = {}}
    for _, r in ipairs(flow.r) do
        mine.c[r[1]] = math.ceil(flow.u * r[2] - 1e-6)
        mine.w[r[1]] = math.min(math.ceil(flow.w * r[2] - 1e-6), 1e10)
        charge(r[1], mine.c[r[1]])
        count(r[1], mine.p, mine.w[r[1]], 1)
    end
    fresh_flows[i] = mine
end

for i, flow in ipairs(q.flows) do
    local mine = fresh_flows[i]
    local rate, by = flow.w, ''
    local shares = {}
    for k, r in ipairs(flow.r) do
        local resource, takes = r[1], r[2]
        local all = amount(resource)
        local why = stopped(resource) or stopped('domain')
        shares[k] = math.huge
        if why then
            rate, by, shares[k] = 0, why, 0
        elseif all < math.huge then
            local share, claims = level(resource, all, mine.p)
            -- Less than a thousandth each: some have one and the others none, in turn.
            if share < 1 and claims > 0 and (slot + i + math.floor(v / 1e6)) % claims < all then share = 1 end
            shares[k] = share / takes
            local free = all - committed[resource] + mine.c[resource]
            local here = math.max(0, math.floor(math.min(share, free) / takes))
            if here < rate then rate, by = here, resource end
        end
    end
    -- What it could use if only its campaign's target were higher: what the leader has to know.
    mine.d = flow.w
    for k, r in ipairs(flow.r) do
        if not string.find(r[1], '^camp:') then mine.d = math.min(mine.d, math.floor(shares[k])) end
    end
    -- What one resource keeps from this flow it cannot claim at the others; they may have it.
    for k, r in ipairs(flow.r) do
        local elsewhere = flow.w
        for other, share in ipairs(shares) do
            if other ~= k or share == 0 then elsewhere = math.min(elsewhere, share) end
        end
        local wants = math.min(math.ceil(elsewhere * r[2] - 1e-6), 1e10)
        if wants < mine.w[r[1]] then
            count(r[1], mine.p, mine.w[r[1]], -1)
            count(r[1], mine.p, wants, 1)
            mine.w[r[1]] = wants
        end
    end
    if quiet > 0 then rate, by = 0, 'quiesce' end
    local held = math.max(flow.u, rate)
    for _, r in ipairs(flow.r) do
        local units = math.ceil(held * r[2] - 1e-6)
        charge(r[1], units - mine.c[r[1]])
        mine.c[r[1]] = units
    end
    mine.h = held
    grants[i] = rate
    limits[i] = by
end

if #q.flows > 0 then
    local kept = {s = q.seq, v = fmt(v), x = fmt(until_then), f = fresh_flows, e = epoch, t = {},
                  up = q.past and epoch or entry and entry.up or nil}
    for id, card in pairs(q.cards) do
        kept.t[id] = {card.t, card.w}
        hold(id, held_in(kept, id), v, wanted_in(kept, id))
    end
    put('n:' .. q.node, cjson.encode(kept))
    put('i:' .. slot, fmt(until_then) .. ' ' .. q.node)
elseif entry then
    put('n:' .. q.node, false)
    forget(q.node)
end
put('n', fmt(nodes))
for resource, sum in pairs(committed) do put('C:' .. resource, sum ~= 0 and fmt(sum)) end
for resource, demand in pairs(wanted) do put('R:' .. resource, next(demand) and cjson.encode(demand) or false) end
store_records()
local leads = leader and not leader.gone and leader.n == q.node
local everything = leads and domain() or nil
put('camps', next(camps) and cjson.encode(camps) or false)

-- What the leader says of the caller's campaigns and their backends.
local words = {}
if targets and not targets.ended and targets.b then
    for id, card in pairs(q.cards) do
        words['camp:' .. id] = targets.b['camp:' .. id]
        for _, backend in ipairs(card.b) do words[backend] = targets.b[backend] end
    end
end

local orders = {}
local function tell(subject) orders[subject] = order_of(subject) end
tell('domain')
for _, flow in ipairs(q.flows) do
    for _, r in ipairs(flow.r) do tell(r[1]) end
end
for subject in pairs(q.orders) do tell(subject) end
store()
return cjson.encode({
    epoch = epoch, v = fmt(v), quiet = math.max(0, quiet), g = grants, by = limits, orders = orders, gen = num('gen'),
    soonest = soonest, unsteered = unsteered, words = words, said = targets and v - tonumber(targets.v or '0') or 0,
    domain = everything,
    leader = leader and not leader.gone and {n = leader.n, t = leader.t, left = tonumber(leader.x) - v} or nil})
)lua";

}  // namespace tidegate::quota
