-- Counts holds that were lost here or taken elsewhere, as their gateway tells them, without asking whether they fit; and
-- forgets budgets that were spent elsewhere, to be rebuilt. A hold that is settled here stays so. Where a hold is not known here
-- and its budget is, the ledger's sum in that may have an estimate of the hold already: that budget is forgotten too.
-- ask: deadline, lease, keep, stale = {counters},
--      holds = {{id, state, note, parts = {{counter, kind, amount, counted, unit, attempts, window}}}}
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
    for _, part in ipairs(parts) do
      local mine = taken[part[1]]
      local actual = part[4]
      if part[2] == 'r' then
        part[4] = mine and mine[4] or 0
      elseif part[2] == 'b' then
        -- A rebuild under way did not know of it: it begins again.
        if redis.call('HEXISTS', part[1], 'u') == 1 then redis.call('HSET', part[1], 'i:' .. id, 1, 'u', '') end
      elseif state == 'o' and part[3] > 0 and redis.call('HSETNX', part[1], 'e', epoch) == 1 then
        redis.call('HSET', part[1], 's', 0, 'h', 0)
      end
      local attempts, window = part[6], part[7]
      part[6], part[7], part[8] = mine and mine[6] or -1, attempts, window
      if mine and state == 's' then
        part[3] = mine[3]
        adjust_rate(part, actual, window or 0, 0)
      end
      count(part, state, 1)
      refer(part, state, 1)
    end
    save(id, { state, note, parts, now })
    redis.call('ZREM', LAPSED, id)
    redis.call('ZADD', LEASES, now + (state == 'o' and ask.lease or ask.keep), id)
  end
end
return { 'adopted', now, epoch }
