-- Ends a hold with what was used. ask: id, keep, parts = {{actual, window, max}} in the order of the hold's parts.
-- unknown   there is no such hold here, or it has other parts
-- already   it was settled before; nothing changes
-- settled   then per part what its budget has spent, or -1

local hold = load(ask.id)
if not hold or #hold[3] ~= #ask.parts then return { 'unknown', now, epoch } end
if hold[1] == 's' then return { 'already', now, epoch } end

local reply = { 'settled', now, epoch }
for i, part in ipairs(hold[3]) do
  local actual = ask.parts[i][1]
  local spent = -1
  if part[2] == 'r' then
    local amount, at, number = part[3], part[4], part[6]
    if actual < amount then
      -- Numbers begin anew where a counter was forgotten: the entry must also span the time of the taking.
      local text = redis.call('HGET', part[1], number)
      local entry = text and entry_of(text)
      if entry and entry[1] <= at and at <= entry[2] then
        local back = math.min(amount - actual, entry[3])
        redis.call('HSET', part[1], number, string.format('%.0f %.0f %.0f', entry[1], entry[2], entry[3] - back))
        redis.call('HINCRBY', part[1], 's', -back)
      end
    elseif actual > amount then
      take_rate(open_rate(part[1], ask.parts[i][2]), actual - amount, ask.parts[i][3])
    end
  else
    local known = is_known(part[1])
    if known then count(part, hold[1], -1, true) end
    if part[2] == 'c' then refer(part, hold[1], -1) end
    part[4] = part[2] == 'b' and actual or 0
    if known and part[2] == 'b' then spent = count(part, 's', 1, true) end
  end
  reply[3 + i] = spent
end

hold[1] = 's'
save(ask.id, hold)
redis.call('ZREM', LAPSED, ask.id)
redis.call('ZADD', LEASES, now + ask.keep, ask.id)
return reply
