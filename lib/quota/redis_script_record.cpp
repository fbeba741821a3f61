#include "quota/redis_script_parts.hpp"

namespace tidegate::quota {

// `cells` and `digits` are those of sent_record.hpp, where the text is read.
const char* const record_rules = R"lua(
-- What a campaign has sent is booked when its nodes report it. Until then their grants count as sent; two sums, of what
-- is held and of held times since when, tell how much that is at any moment without a visit to every node.
local cells, digits = 240, 12
local records, holds = {}, {}
local function empty(width)
    return {w = width, head = math.floor(v / width), text = string.rep('0', cells * digits)}
end
local function cell(record, bin)
    local at = bin % cells * digits
    return tonumber(string.sub(record.text, at + 1, at + digits))
end
local function put_cell(record, bin, amount)
    local at = bin % cells * digits
    record.text = string.sub(record.text, 1, at)
        .. string.format('%012.0f', math.max(0, math.min(amount, 999999999999)))
        .. string.sub(record.text, at + digits + 1)
end
local function book(record, from, to, amount)
    local first, last = math.floor(from / record.w), math.floor(to / record.w)
    if last - record.head >= cells then
        record.text = string.rep('0', cells * digits)
        record.head = last
    end
    while record.head < last do
        record.head = record.head + 1
        put_cell(record, record.head, 0)
    end
    for bin = math.max(first, record.head - cells + 1), last do
        local share = 1
        if to > from then
            share = (math.min(to, (bin + 1) * record.w) - math.max(from, bin * record.w)) / (to - from)
        end
        if share > 0 then put_cell(record, bin, cell(record, bin) + math.floor(share * amount + 0.5)) end
    end
end
local function record_of(id, width)
    local record = records[id]
    if not record then
        local kept = get('G:' .. id)
        local e, w, head, text = string.match(kept or '', '^(%d+) (%d+) (%d+) (%d+)$')
        if e and tonumber(e) == epoch then
            record = {w = tonumber(w), head = tonumber(head), text = text}
        else
            -- What was known before memory was or may have been lost: nodes repeat what they sent, so it is not added to.
            if kept then put('O:' .. id, kept) end
            record = empty(width)
        end
    end
    if record.w < width then
        local finer = record
        record = empty(width)
        for bin = finer.head - cells + 1, finer.head do
            local amount = cell(finer, bin)
            if amount > 0 then book(record, bin * finer.w, (bin + 1) * finer.w, amount) end
        end
    end
    records[id] = record
    return record
end
local function hold(id, amount, since, wants)
    if not holds[id] then
        local sum, product, wanted = string.match(get('P:' .. id) or '', '^(%d+) (%d+) (%d+)$')
        holds[id] = {tonumber(sum) or 0, tonumber(product) or 0, tonumber(wanted) or 0}
    end
    local kept = holds[id]
    kept[3] = kept[3] + wants
    kept[1] = kept[1] + amount
    kept[2] = kept[2] + amount * math.floor(since / 1000)
end
-- Thousandths of a message that may have gone since the entries were written, and were not reported.
local function unreported(id)
    hold(id, 0, 0, 0)
    local sum, product = holds[id][1], holds[id][2]
    return math.max(0, math.min((sum * math.floor(v / 1000) - product) / 1000, sum * q.lease / 1e6))
end
local function held_in(entry, id)
    local sum = 0
    for _, flow in ipairs(entry.f) do sum = sum + (flow.c['camp:' .. id] or 0) end
    return sum
end
local function wanted_in(entry, id)
    local sum = 0
    for _, flow in ipairs(entry.f) do
        if flow.c['camp:' .. id] then sum = sum + flow.d end
    end
    return sum
end
-- Takes an entry's grants off the sums and books what was sent; `told` is what its node says, if it still can.
local function settle(old, told)
    local from = tonumber(old.v)
    for id, kept in pairs(old.t or {}) do
        local amount, said = held_in(old, id), told and told[id]
        hold(id, -amount, from, -wanted_in(old, id))
        if not said then
            -- Nobody will say how much it was: all of it.
            local spent = math.min(v - from, q.lease)
            if amount > 0 then book(record_of(id, kept[2]), from, from + spent, amount * spent / 1e6) end
        elseif old.e == epoch and not said.past and said.t ~= kept[1] then
            book(record_of(id, said.w), from, v, (said.t - kept[1]) * 1000)
        end
    end
end
-- Cards: what a leader has to know of the campaigns. The one whose curve rests on most opens stays while its node lives.
local camps = get('camps') and cjson.decode(get('camps')) or {}
for id, card in pairs(q.cards) do
    local old = get('D:' .. id) and cjson.decode(get('D:' .. id))
    if not old or old.n == q.node or tonumber(old.x) <= v or card.e >= old.e then
        camps[id] = true
        put('D:' .. id, cjson.encode({e = card.e, h = card.h, n = q.node, c = card.c,
                                      x = fmt(v + q.lease + q.step + q.margin)}))
    end
    -- After a loss of memory every node tells once what it sent; one that only starts here, if nobody knows anything.
    if card.past then
        if (entry and entry.up == epoch) or not (q.knew or not get('G:' .. id)) then
            card.past = nil
        else
            local record = record_of(id, card.w)
            for i, amount in ipairs(card.past) do
                if amount > 0 then book(record, math.max(0, v - i * card.w), math.max(0, v - (i - 1) * card.w), amount) end
            end
        end
    end
end
local function store_records()
    for id, record in pairs(records) do
        put('G:' .. id, fmt(epoch) .. ' ' .. fmt(record.w) .. ' ' .. fmt(record.head) .. ' ' .. record.text)
    end
    for id, sums in pairs(holds) do
        put('P:' .. id, (sums[1] > 0 or sums[3] > 0)
            and fmt(sums[1]) .. ' ' .. fmt(math.max(0, sums[2])) .. ' ' .. fmt(sums[3]))
    end
end
-- For the leader alone. What nobody feels any more is forgotten on the way.
local function domain()
    local all = {}
    for id in pairs(camps) do
        local card = get('D:' .. id) and cjson.decode(get('D:' .. id))
        if not card or tonumber(card.x) + card.h < v then
            for _, kind in ipairs({'D:', 'G:', 'O:', 'P:'}) do put(kind .. id, false) end
            camps[id] = nil
        else
            local waiting = unreported(id)
            all[#all + 1] = {id = id, c = card.c, e = card.e, h = card.h, w = holds[id][3], u = waiting,
                             g = get('G:' .. id) or nil, o = get('O:' .. id) or nil}
        end
    end
    return all
end
)lua";

}  // namespace tidegate::quota
