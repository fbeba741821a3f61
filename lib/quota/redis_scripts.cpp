#include "quota/redis_scripts.hpp"

namespace tidegate::quota {
namespace {

// Begins every script: who we talk to, the fence, and the hash as a table whose writes are kept until the end. Nothing
// is written before everything was read and judged, so a script that fails has changed nothing.
constexpr const char* prelude = R"lua(
local q = cjson.decode(ARGV[1])
local key = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local info = redis.call('INFO', 'replication')
local server = string.match(info, 'master_replid:(%x+)')

if not string.find(info, 'role:master', 1, true) then
    return redis.error_reply('READONLY this server is a replica')
end

-- Fence: a master that its replicas do not follow may have been replaced without knowing.
local following = 0
for state, lag in string.gmatch(info, 'slave%d+:[^\r\n]*state=([%a_]+)[^\r\n]*lag=(%-?%d+)') do
    if state == 'online' and tonumber(lag) >= 0 and tonumber(lag) <= q.lag then following = following + 1 end
end
if following < q.replicas then
    return cjson.encode({refused = 'fence', why = following .. ' of ' .. q.replicas .. ' replicas follow'})
end

local known, dirty = {}, {}
local function load(fields)
    local values = redis.call('HMGET', key, unpack(fields))
    for i, field in ipairs(fields) do known[field] = values[i] end
end
local function get(field)
    if known[field] == nil then known[field] = redis.call('HGET', key, field) end
    return known[field]
end
local function put(field, value)
    if known[field] ~= value then known[field] = value; dirty[field] = true end
end
local function num(field) return tonumber(get(field) or '0') end
local function fmt(number) return string.format('%.0f', number) end
local function store()
    local set, gone = {}, {}
    for field in pairs(dirty) do
        if known[field] then
            set[#set + 1] = field
            set[#set + 1] = known[field]
        else
            gone[#gone + 1] = field
        end
    end
    if #set > 0 then redis.call('HSET', key, unpack(set)) end
    if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
end

local function order_of(subject)
    local generation, state, rate = string.match(get('S:' .. subject) or '', '^(%d+) (%a+) (%-?%d+)$')
    if generation then return {tonumber(generation), state, tonumber(rate)} end
end
local function keep_order(subject, order)
    local old = order_of(subject)
    if old and old[2] == 'abort' then return false end
    if old and order[1] <= old[1] and order[2] ~= 'abort' then return false end
    put('S:' .. subject, fmt(order[1]) .. ' ' .. order[2] .. ' ' .. fmt(order[3]))
    if order[1] > num('gen') then put('gen', fmt(order[1])) end
    return true
end
)lua";

constexpr const char* acquire_rules = R"lua(
local fields = {'proto', 'rules', 'server', 'epoch', 'v', 'last', 'quiet', 'n', 'cursor', 'leader', 'targets', 'gen',
                'n:' .. q.node, 'k:' .. q.node, 'S:domain'}
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
if get('rules') and get('rules') ~= q.rules then
    return cjson.encode({refused = 'rules', why = 'the domain uses other lease rules: ' .. get('rules')})
end

local entry = get('n:' .. q.node) and cjson.decode(get('n:' .. q.node))
if entry and q.seq <= entry.s then
    return cjson.encode({refused = 'sequence', why = 'a later request of this node came first'})
end

-- Incarnation: another server, a lost hash, or one older than what this node has seen before.
local v, epoch = num('v'), num('epoch')
local fresh = get('server') ~= server or not get('v') or not get('last')
    or q.epoch > epoch or (q.epoch == epoch and q.seen > v)
if fresh then
    epoch = math.max(epoch, q.epoch) + 1
    v = math.max(v, q.seen)
    put('quiet', fmt(v + q.quiesce))
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
put('v', fmt(v))
put('last', fmt(now))
put('proto', tostring(q.proto))
put('rules', q.rules)
local quiet = num('quiet') - v

-- Sums: C: committed, R: who wants how much, as counts and sums by priority and size.
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
    if get('n:' .. node) then release(cjson.decode(get('n:' .. node))) end
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
local leader = get('leader') and cjson.decode(get('leader'))
if leader and tonumber(leader.x) <= v then leader.gone = true end
local until_then = v + q.lease + q.step + q.margin
if q.lead then
    if not leader or leader.gone or leader.n == q.node then
        local term = leader and leader.t or 0
        if not leader or leader.gone then term = math.max(term, q.term) + 1 end
        leader = {n = q.node, t = term, x = fmt(until_then)}
        put('leader', cjson.encode(leader))
    end
elseif leader and leader.n == q.node then
    leader = nil
    put('leader', false)
end
if q.targets and leader and leader.n == q.node then
    put('targets', cjson.encode({x = fmt(until_then), c = q.targets}))
end
local targets = get('targets') and cjson.decode(get('targets'))
if targets and tonumber(targets.x) <= v then targets.ended = true end

local function lower(a, b) return b < 0 or (a >= 0 and a < b) end
local amounts = {}
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
if entry then release(entry) end
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
    local kept = {s = q.seq, v = fmt(v), x = fmt(until_then), f = fresh_flows}
    put('n:' .. q.node, cjson.encode(kept))
    put('i:' .. slot, fmt(until_then) .. ' ' .. q.node)
elseif entry then
    put('n:' .. q.node, false)
    forget(q.node)
end
put('n', fmt(nodes))
for resource, sum in pairs(committed) do put('C:' .. resource, sum ~= 0 and fmt(sum)) end
for resource, demand in pairs(wanted) do put('R:' .. resource, next(demand) and cjson.encode(demand)) end

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
    soonest = soonest,
    leader = leader and not leader.gone and {n = leader.n, t = leader.t, left = tonumber(leader.x) - v} or nil})
)lua";

constexpr const char* order_rules = R"lua(
local old = order_of(q.subject)
if old and old[2] == 'abort' and q.state ~= 'abort' then
    return cjson.encode({refused = 'aborted', why = q.subject .. ' is aborted, which is final'})
end
local generation = math.max(num('gen'), q.gen) + 1
local order = {generation, q.state, q.rate}
keep_order(q.subject, order)
store()
redis.call('PUBLISH', ARGV[2], cjson.encode({subject = q.subject, order = order}))
return cjson.encode({gen = generation})
)lua";

constexpr const char* audit_rules = R"lua(
local nodes, counted, wants = {}, {}, {}
local v = num('v')
for slot = 1, num('n') do
    local expiry, node = string.match(get('i:' .. slot) or '', '^(%d+) (.+)$')
    local entry = node and get('n:' .. node) and cjson.decode(get('n:' .. node))
    if entry then
        nodes[#nodes + 1] = {node = node, left = tonumber(expiry) - v, seq = entry.s, flows = entry.f}
        for _, flow in ipairs(entry.f) do
            for resource, amount in pairs(flow.c) do counted[resource] = (counted[resource] or 0) + amount end
            for resource, amount in pairs(flow.w) do wants[resource] = (wants[resource] or 0) + amount end
        end
    end
end
for _, resource in ipairs(q.resources) do counted[resource] = counted[resource] or 0 end
local resources = {}
for resource, sum in pairs(counted) do
    local cap = string.match(get('K:' .. resource) or '', '^%d+ (%-?%d+)$')
    resources[resource] = {kept = num('C:' .. resource), counted = sum, cap = tonumber(cap or '-1'),
                           wants = wants[resource] or 0, order = order_of(resource)}
end
return cjson.encode({
    epoch = num('epoch'), v = fmt(v), quiet = math.max(0, num('quiet') - v), gen = num('gen'), nodes = nodes,
    resources = resources, leader = get('leader') and cjson.decode(get('leader')) or nil,
    domain = order_of('domain')})
)lua";

}  // namespace

const std::string& acquire_script() {
    static const std::string whole = std::string(prelude) + acquire_rules;
    return whole;
}

const std::string& order_script() {
    static const std::string whole = std::string(prelude) + order_rules;
    return whole;
}

const std::string& audit_script() {
    static const std::string whole = std::string(prelude) + audit_rules;
    return whole;
}

}  // namespace tidegate::quota
