-- Takes all limits of a request or none. KEYS[4...] the counters.
-- ask: id, note, deadline, quarantine, lease, want, min, amend, free = {counters},
--      parts = {{kind, max, fixed, milli, window, start, end, reject, counted, unit, attempts, stamp}} in the order of the keys
-- late      it is past the deadline, the caller has stopped waiting
-- gone      the hold that asks for more is not open
-- window    a calendar window is over or has not begun
-- recovering <microseconds>   what is open is not known yet
-- unknown   <i>...            what these budgets have spent is not known
-- denied    <1 if more has lapsed> {i, spent, held, wait or -1, affordable output}...
-- reserved  <output tokens> then per part: remaining, reset
-- Every answer has the time and the epoch after its first word.

if now > ask.deadline then return { 'late', now, epoch } end
local stale = sweep(50)
local hold = load(ask.id)
if (ask.amend and not hold) or (hold and hold[1] ~= 'o') then return { 'gone', now, epoch } end

local own = {}
for _, part in ipairs(hold and hold[3] or {}) do own[part[1]] = part end

local function cost(tokens, milli)
  local whole = math.floor(milli / 1000)
  return tokens * whole + math.ceil(tokens * (milli - whole * 1000) / 1000)
end

local function affordable(room, milli)
  local want = ask.want
  if room < 0 then return -1 end
  if cost(want, milli) <= room then return want end
  local tokens = math.min(want, math.floor(room / milli * 1000))
  while tokens > 0 and cost(tokens, milli) > room do tokens = tokens - 1 end
  while tokens < want and cost(tokens + 1, milli) <= room do tokens = tokens + 1 end
  return tokens
end

local granted = ask.want
local failures, unknown, rates, levels = {}, {}, {}, {}
local waiting = recovering()
local lost = false

for i, part in ipairs(ask.parts) do
  local kind, max, fixed, milli = part[1], part[2], part[3], part[4]
  local key = KEYS[3 + i]
  local mine = own[key]
  if kind == 'r' then
    local rate = open_rate(key, part[5])
    rates[i] = rate
    if not mine and fixed > 0 and rate.sum + fixed > max then
      failures[#failures + 1] = { i, rate.sum, 0, wait_rate(rate, fixed, max), 0 }
    end
  else
    if kind == 'b' and not mine and (now < part[6] or now >= part[7]) then return { 'window', now, epoch } end
    local level = redis.call('HMGET', key, 's', 'h', 'e', 'u', 'v')
    local known = level[3] == epoch and not level[4] and is_new(level[5], part[12])
    if not known and kind == 'c' then
      -- No ledger need be asked for slots: what is open tells.
      make({ [key] = kind })
      local held = redis.call('HGET', key, 'h')
      level, known = { '0', held or '0', held }, true
    end
    if waiting > 0 then
      lost = true
    elseif not known then
      unknown[#unknown + 1] = i
    else
      local spent, held = tonumber(level[1]), tonumber(level[2])
      local room = max - spent - held + (mine and mine[3] or 0)
      levels[i] = { room, not level[3] }
      local affords = ask.want
      if fixed + cost(ask.want, milli) > 0 then affords = affordable(room - fixed, milli) end
      if affords < granted then granted = affords end
      if affords < (part[8] and ask.want or ask.min) then
        failures[#failures + 1] = { i, spent, held, -1, affords }
      end
    end
  end
end

if lost then return { 'recovering', now, epoch, waiting } end
if #unknown > 0 then return { 'unknown', now, epoch, unpack(unknown) } end
if #failures > 0 then return { 'denied', now, epoch, stale and 1 or 0, unpack(failures) } end

local reply = { 'reserved', now, epoch, granted }
local parts, taken = {}, {}
for i, part in ipairs(ask.parts) do
  local kind, max, fixed, milli = part[1], part[2], part[3], part[4]
  local key = KEYS[3 + i]
  local mine = own[key]
  local made
  if kind == 'r' then
    local rate = rates[i]
    made = mine or { key, kind, fixed, rate.now, part[10], -1, part[11], part[5] }
    if not mine and fixed > 0 then made[6] = take_rate(rate, fixed, max) end
    reply[#reply + 1] = math.max(0, max - rate.sum)
    reply[#reply + 1] = reset_rate(rate)
  else
    local room, new = levels[i][1], levels[i][2]
    local before = mine and mine[3] or 0
    local amount = math.max(before, fixed + cost(granted, milli))
    made = { key, kind, amount, part[9], part[10], -1, part[11], 0 }
    if new then redis.call('HSET', key, 's', 0, 'h', amount, 'e', epoch)
    else redis.call('HINCRBY', key, 'h', amount - before) end
    -- A counter without an end lives as long as it is used.
    if part[7] >= 9e15 then redis.call('PEXPIRE', key, 2592000000) end
    reply[#reply + 1] = math.max(0, room - amount)
    reply[#reply + 1] = 0
  end
  if not mine or (kind == 'c' and mine[3] == 0) then refer(made, 'o', 1) end
  parts[i], taken[key] = made, true
end

local all = {}
local free = {}
for _, key in ipairs(ask.free) do free[key] = true end
for _, part in ipairs(hold and hold[3] or {}) do
  if not taken[part[1]] then
    if free[part[1]] and part[2] == 'c' then
      count(part, 'o', -1)
      refer(part, 'o', -1)
      part[3] = 0
    end
    all[#all + 1] = part
  end
end
for _, part in ipairs(parts) do all[#all + 1] = part end
save(ask.id, { 'o', ask.note, all, now })
redis.call('ZADD', LEASES, now + ask.lease, ask.id)
return reply
