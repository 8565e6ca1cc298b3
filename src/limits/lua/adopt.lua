-- Counts holds that were lost here or taken elsewhere, as their gateway tells them, without asking whether they fit; and
-- forgets budgets that were spent elsewhere, to be rebuilt. A hold that is settled here stays so. Where a hold is not known here
-- and its budget is, the ledger's sum in that may have an estimate of the hold already: that budget is forgotten too.
-- ask: deadline, lease, keep, stale = {counters},
--      holds = {{id, state, note, parts = {{counter, kind, amount, counted, unit, attempts, window, max, elsewhere}}}}, the last
--      two of a rate's part alone: `elsewhere` is when it was taken elsewhere (-1: it was taken here)
-- What rates took elsewhere is told by itself (taken.lua); here only what a hold used more or less than it took.
-- late | adopted

if now > ask.deadline then return { 'late', now, epoch } end

local unknown, any = {}, #ask.stale > 0
for _, key in ipairs(ask.stale) do unknown[key] = 'b' end
for _, told in ipairs(ask.holds) do
  local new = redis.call('HEXISTS', HOLDS, 'h:' .. told[1]) == 0
  for _, part in ipairs(told[4]) do
    local sure = is_known(part[1]) and not (new and part[2] == 'b' and redis.call('HEXISTS', part[1], 'u') == 0)
    if part[2] ~= 'r' and not unknown[part[1]] and not sure then
      unknown[part[1]], any = part[2], true
    end
  end
end
if any then make(unknown) end

for _, told in ipairs(ask.holds) do
  local id, state, note, parts = told[1], told[2], told[3], told[4]
  local hold = load(id)
  if not (hold and hold[1] == 's') then
    local taken = {}
    for _, part in ipairs(hold and hold[3] or {}) do
      count(part, hold[1], -1)
      refer(part, hold[1], -1)
      if part[2] == 'r' then taken[part[1]] = part end
    end
    for i, told_part in ipairs(parts) do
      local key, kind, amount, counted, unit, attempts, window, max, elsewhere = unpack(told_part)
      local part = { key, kind, amount, counted, unit, -1, attempts, window }
      parts[i] = part
      if kind == 'r' then
        local mine = taken[key]
        -- Taken here, though nobody heard of it, and then elsewhere: what was taken here is given back below.
        if mine and elsewhere >= 0 and mine[4] ~= elsewhere then mine = nil else taken[key] = nil end
        if mine then part[3], part[4], part[6] = mine[3], mine[4], mine[6] else part[4] = math.max(0, elsewhere) end
        if state == 's' and (mine or elsewhere >= 0) then adjust_rate(part, counted, window, max) end
      elseif kind == 'b' then
        -- A rebuild under way did not know of it: it begins again.
        if redis.call('HEXISTS', key, 'u') == 1 then redis.call('HSET', key, 'i:' .. id, 1, 'u', '') end
      elseif state == 'o' and amount > 0 and redis.call('HSETNX', key, 'e', epoch) == 1 then
        redis.call('HSET', key, 's', 0, 'h', 0)
      end
      count(part, state, 1)
      refer(part, state, 1)
    end
    for _, part in pairs(taken) do give_back(part, part[3], 3600000000) end
    save(id, { state, note, parts, now })
    redis.call('ZREM', LAPSED, id)
    redis.call('ZADD', LEASES, now + (state == 'o' and ask.lease or ask.keep), id)
  end
end
return { 'adopted', now, epoch }
