#include "quota/redis_scripts.hpp"

#include "quota/redis_script_parts.hpp"

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
local acknowledged = {}
for state, offset, lag in string.gmatch(info, 'slave%d+:[^\r\n]*state=([%a_]+),offset=(%d+),lag=(%-?%d+)') do
    if state == 'online' and tonumber(lag) >= 0 and tonumber(lag) <= q.lag then
        acknowledged[#acknowledged + 1] = tonumber(offset)
    end
end
local function not_followed(following)
    return cjson.encode({refused = 'fence', why = following .. ' of ' .. q.replicas .. ' replicas follow'})
end
if #acknowledged < q.replicas then return not_followed(#acknowledged) end

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
    if old and order[1] <= old[1] and order[2] ~= 'abort' then
        -- A stop that was taken without memory (-2) has the rate that stood before.
        if old[3] == -2 then put('S:' .. subject, fmt(old[1]) .. ' ' .. old[2] .. ' ' .. fmt(order[3])) end
        return false
    end
    put('S:' .. subject, fmt(order[1]) .. ' ' .. order[2] .. ' ' .. fmt(order[3]))
    if order[1] > num('gen') then put('gen', fmt(order[1])) end
    return true
end
)lua";

constexpr const char* order_rules = R"lua(
load({'S:' .. q.subject, 'gen', 'told', 'server', 'v', 'quiet'})
local old = order_of(q.subject)
if old and old[2] == 'abort' and q.state ~= 'abort' then
    return cjson.encode({refused = 'aborted', subject = q.subject, order = old,
                         why = q.subject .. ' is aborted, which is final'})
end
-- Whoever lost the answer asks again, and what was ordered since then must not be undone.
local told = get('told') and cjson.decode(get('told')) or {}
for _, id in ipairs(told) do
    if id == q.id then return cjson.encode({gen = num('gen'), subject = q.subject, order = old}) end
end
-- What lets more through must be fresh: held back on its way, a "run" would undo the pause that came after it. Whoever
-- orders names our clock; who does not know it is told.
local goes = (q.state or 'run') == 'run'
if goes and math.abs(now - (tonumber(q.at) or 0)) > q.patience then
    return cjson.encode({refused = 'late', why = 'it was too long on its way', at = fmt(now)})
end
-- What is not named stays as it stood, which nobody knows here before the nodes have told it again. A stop does not wait.
local blank = get('server') ~= server or not get('v') or num('quiet') > num('v')
if blank and goes and not (q.state and q.rate) then
    return cjson.encode({refused = 'forgotten', why = 'Redis has lost its memory and waits for the nodes'})
end
-- Above the clock's milliseconds: what is ordered after a loss of memory is newer than what the nodes bring back.
local generation = math.max(num('gen'), q.gen, math.floor(now / 1e3)) + 1
local order = {generation, q.state or old and old[2] or 'run', q.rate or old and old[3] or blank and -2 or -1}
keep_order(q.subject, order)
if q.id then
    told[#told + 1] = q.id
    if #told > 32 then table.remove(told, 1) end
    put('told', cjson.encode(told))
end
store()
-- It stands; a user who may not publish only makes it arrive by renewals.
local news = cjson.encode({gen = generation, subject = q.subject, order = order})
redis.pcall('PUBLISH', ARGV[2], news)
return news
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
local function demanded(resource)
    local sum = 0
    for _, tier in pairs(get('R:' .. resource) and cjson.decode(get('R:' .. resource)) or {}) do
        for _, cell in pairs(tier) do sum = sum + cell[2] end
    end
    return sum
end
local resources = {}
for resource, sum in pairs(counted) do
    local cap = string.match(get('K:' .. resource) or '', '^%d+ (%-?%d+)$')
    resources[resource] = {kept = num('C:' .. resource), counted = sum, cap = tonumber(cap or '-1'),
                           wants = wants[resource] or 0, demand = demanded(resource), order = order_of(resource)}
end
local campaigns = {}
for id in pairs(get('camps') and cjson.decode(get('camps')) or {}) do
    local target = get('targets') and cjson.decode(get('targets')).c['camp:' .. id]
    campaigns[id] = {card = get('D:' .. id) and cjson.decode(get('D:' .. id)).c or nil, target = target,
                     record = get('G:' .. id) or nil}
end
return cjson.encode({
    epoch = num('epoch'), v = fmt(v), quiet = math.max(0, num('quiet') - v), gen = num('gen'), nodes = nodes,
    resources = resources, campaigns = campaigns, leader = get('leader') and cjson.decode(get('leader')) or nil,
    domain = order_of('domain')})
)lua";

}  // namespace

const std::string& acquire_script() {
    static const std::string whole = std::string(prelude) + acquire_begins + record_rules + acquire_goes_on;
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
