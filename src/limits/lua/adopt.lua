-- Counts holds that were lost here or taken elsewhere, as their gateway tells them, without asking whether they fit; and
-- forgets budgets that were spent elsewhere, to be rebuilt. A hold that is settled here stays so.
-- ask: deadline, lease, keep, stale = {counters}, holds = {{id, state, note, parts = {{counter, kind, amount, counted, unit}}}}
-- late | adopted

if now > ask.deadline then return { 'late', now, epoch } end
for _, key in ipairs(ask.stale) do redis.call('DEL', key) end

for _, told in ipairs(ask.holds) do
  local id, state, note, parts = told[1], told[2], told[3], told[4]
  local hold = load(id)
  if not (hold and hold[1] == 's') then
    local taken = {}
    for _, part in ipairs(hold and hold[3] or {}) do
      count(part, hold[1], -1)
      refer(part, -1)
      if part[2] == 'r' then taken[part[1]] = part end
    end
    for _, part in ipairs(parts) do
      local mine = taken[part[1]]
      if part[2] == 'r' then part[4] = mine and mine[4] or 0 end
      part[6] = mine and mine[6] or -1
      count(part, state, 1)
      refer(part, 1)
    end
    save(id, { state, note, parts, now })
    redis.call('ZREM', LAPSED, id)
    redis.call('ZADD', LEASES, now + (state == 'o' and ask.lease or ask.keep), id)
  end
end
return { 'adopted', now, epoch }
