-- What every script begins with. All keys share one hash tag, since one request spans scopes that nothing else has in
-- common: a cluster keeps them on one node, and a script may touch the counters that a hold names without declaring them.
--
-- KEYS[1] holds   hash   h:<id> = packed hold; c:<counter> = how many holds have a part of it;
--                        epoch = when this state began; run = the server process that keeps it;
--                        beat = when a gateway last said that it is alive; grace = no hold lapses before this
-- KEYS[2] leases  zset   open holds by the end of their lease, settled ones by when they are forgotten
-- KEYS[3] lapsed  zset   holds that nobody renewed, by when they are next handed out to be closed
-- ARGV[1] the request as JSON; ARGV[2] the time, in tests only
--
-- Times are microseconds. Amounts are whole numbers up to 2^53, which Lua's doubles keep exactly; numbers become text only
-- through redis.call and string.format, never through `..`, which keeps 14 digits.
--
-- A hold is {state, note, parts, at}: o open, l lapsed, c closed without its owner, at what the ledger knew, s settled. A part is
-- {counter, kind, amount, counted, unit, entry, attempts, window}: kind b budget, c concurrent, r rate. A budget's part counts as `amount` held while the hold is open and as `counted`
-- spent afterwards. A rate's part keeps in `counted` when it was taken and in `entry` where. `attempts` is
-- JSON that says which attempts it counts, empty for all; `window` a rate's, in microseconds.
--
-- A counter of a budget or of slots is a hash: s spent, h held, e the epoch. One that does not carry the present epoch is
-- not known: what it says was counted by holds that were lost. A budget's counter that has u counts what the holds here
-- have of it (i:<id> = these holds), but waits for the ledger's sum of all the rest; u says who asks for it, and since when. v is
-- the stamp under which it was rebuilt: for a limit with a higher stamp it is not known either.

local HOLDS, LEASES, LAPSED = KEYS[1], KEYS[2], KEYS[3]
local ask = cjson.decode(ARGV[1])

local function time()
  if ARGV[2] then return tonumber(ARGV[2]) end
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local now = time()
local epoch, grace

local function begin_epoch()
  epoch = string.format('%.0f', now)
  redis.call('DEL', HOLDS, LEASES, LAPSED)
  redis.call('HSET', HOLDS, 'epoch', epoch)
end

do
  local meta = redis.call('HMGET', HOLDS, 'epoch', 'grace')
  epoch, grace = meta[1], tonumber(meta[2] or '0')
  -- A clock that was set back to before the epoch would recover for as long: rather recover once more.
  if not epoch or now < tonumber(epoch) then begin_epoch() end
end

-- Microseconds until every gateway has had the time to tell this epoch what it has open; not positive: it has.
local function recovering()
  return tonumber(epoch) + ask.quarantine - now
end

local function load(id)
  local packed = redis.call('HGET', HOLDS, 'h:' .. id)
  return packed and cmsgpack.unpack(packed)
end

local function save(id, hold)
  redis.call('HSET', HOLDS, 'h:' .. id, cmsgpack.pack(hold))
end

-- A slot is only of interest while it is taken.
local function refer(part, state, by)
  if part[2] == 'r' or (part[2] == 'c' and (state ~= 'o' or part[3] == 0)) then return end
  local field = 'c:' .. part[1]
  if redis.call('HINCRBY', HOLDS, field, by) <= 0 then redis.call('HDEL', HOLDS, field) end
end

local function is_known(key)
  return redis.call('HGET', key, 'e') == epoch
end

-- Adds to a known counter what a part counts in a state, or takes it back (sign -1). Answers what is spent then, or -1.
local function count(part, state, sign, known)
  if part[2] == 'r' then return -1 end
  if not (known or is_known(part[1])) then return -1 end
  -- `+ 0` since a negative zero is no integer to Redis.
  if state == 'o' then
    local held = redis.call('HINCRBY', part[1], 'h', sign * part[3] + 0)
    if held <= 0 and part[2] == 'c' then redis.call('DEL', part[1]) end
    return -1
  end
  return redis.call('HINCRBY', part[1], 's', sign * part[4] + 0)
end

-- Makes counters anew, as far as the holds that are known here tell: {counter = kind}. One pass over the holds, and only
-- where some have a part of them.
local function make(kinds)
  local found, any = {}, false
  for key in pairs(kinds) do
    redis.call('DEL', key)
    found[key] = { 0, 0, {} }
    any = any or redis.call('HEXISTS', HOLDS, 'c:' .. key) == 1
  end
  local all = any and redis.call('HGETALL', HOLDS) or {}
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 2) == 'h:' then
      local hold = cmsgpack.unpack(all[i + 1])
      for _, part in ipairs(hold[3]) do
        local level = found[part[1]]
        if level then
          if hold[1] == 'o' then level[2] = level[2] + part[3] else level[1] = level[1] + part[4] end
          level[3][#level[3] + 1] = 'i:' .. string.sub(all[i], 3)
        end
      end
    end
  end
  for key, level in pairs(found) do
    -- Slots need no ledger, and without any taken no counter.
    if kinds[key] == 'b' then
      redis.call('HSET', key, 's', level[1], 'h', level[2], 'e', epoch, 'u', '')
      for _, field in ipairs(level[3]) do redis.call('HSET', key, field, 1) end
    elseif level[2] > 0 then
      redis.call('HSET', key, 's', 0, 'h', level[2], 'e', epoch)
    end
    if kinds[key] == 'b' then redis.call('PEXPIRE', key, 86400000) end
  end
end

local function is_new(stamp, wanted)
  return wanted == 0 or tonumber(stamp or '0') >= wanted
end

local function forget(id, hold)
  for _, part in ipairs(hold[3]) do refer(part, hold[1], -1) end
  redis.call('HDEL', HOLDS, 'h:' .. id)
  redis.call('ZREM', LEASES, id)
  redis.call('ZREM', LAPSED, id)
end

-- A hold as it is told to who closes it or counts it anew: per part its kind, its unit, what it counts now, and which attempts.
local function tell(id, hold)
  local told = { id, hold[2] }
  for _, part in ipairs(hold[3]) do
    local at = #told
    told[at + 1], told[at + 2], told[at + 4] = part[2], part[5], part[7] or ''
    told[at + 3] = part[2] == 'r' and part[3] or part[4]
  end
  return told
end

-- Lapses open holds whose lease is over and forgets settled ones, at most `most`. Answers whether there are more.
local function sweep(most)
  if now < grace and grace - now < 60000000 then return false end
  local due = redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, most + 1)
  for i = 1, math.min(#due, most) do
    local id = due[i]
    local hold = load(id)
    if not hold then
      redis.call('ZREM', LEASES, id)
    elseif hold[1] == 's' or hold[1] == 'c' then
      forget(id, hold)
    else
      for _, part in ipairs(hold[3]) do
        count(part, 'o', -1)
        count(part, 'l', 1)
        if part[2] == 'c' then refer(part, 'o', -1) end
      end
      hold[1], hold[4] = 'l', now
      save(id, hold)
      redis.call('ZREM', LEASES, id)
      redis.call('ZADD', LAPSED, now, id)
    end
  end
  return #due > most
end

-- A sliding window, the twin of rate-window.ts: s sum, a and z the first and last entry's number, x when its time to live
-- is due to be renewed, and per number one entry "first last amount".
local function entry_of(text)
  local first, last, amount = string.match(text, '^(%d+) (%d+) (%d+)$')
  return { tonumber(first), tonumber(last), tonumber(amount) }
end

local function put_entry(rate, number, entry)
  redis.call('HSET', rate.key, 's', rate.sum, 'a', rate.a, 'z', rate.z,
    number, string.format('%.0f %.0f %.0f', entry[1], entry[2], entry[3]))
end

-- A server whose clock stepped back must not give the same time twice: within one window the last entry's time stands
-- still, and after a longer step everything counts as taken now.
local function open_rate(key, window)
  local meta = redis.call('HMGET', key, 's', 'a', 'z', 'x')
  local rate = {
    key = key, window = window, now = now,
    sum = tonumber(meta[1] or '0'), a = tonumber(meta[2] or '1'), z = tonumber(meta[3] or '0'), x = tonumber(meta[4] or '0'),
  }
  if rate.z < rate.a then return rate end
  local ends = redis.call('HMGET', key, rate.a, rate.z)
  local head, tail = entry_of(ends[1]), entry_of(ends[2])
  if tail[2] - now >= window then
    redis.call('DEL', key)
    rate.z, rate.x = rate.z + 1, 0
    rate.a = rate.z
    tail = { now, now, rate.sum }
    head = tail
    put_entry(rate, rate.z, tail)
  elseif tail[2] > now then
    rate.now = tail[2]
  end
  local before = rate.now - window
  local left = false
  while head and head[2] <= before do
    rate.sum = rate.sum - head[3]
    redis.call('HDEL', key, rate.a)
    rate.a = rate.a + 1
    left = true
    head = rate.a <= rate.z and entry_of(redis.call('HGET', key, rate.a))
  end
  if left then redis.call('HSET', key, 's', rate.sum, 'a', rate.a) end
  if head then rate.tail = tail end
  return rate
end

-- Takes without asking whether it fits; answers the number of the entry.
local function take_rate(rate, amount, max)
  local tail = rate.tail
  rate.sum = rate.sum + amount
  if tail and rate.now - tail[1] <= rate.window / 100 and tail[3] + amount <= max / 64 then
    tail[2], tail[3] = rate.now, tail[3] + amount
  else
    tail = { rate.now, rate.now, amount }
    rate.z, rate.tail = rate.z + 1, tail
  end
  put_entry(rate, rate.z, tail)
  if now >= rate.x then
    redis.call('PEXPIRE', rate.key, math.ceil(rate.window / 500) + 60000)
    redis.call('HSET', rate.key, 'x', now + rate.window)
  end
  return rate.z
end

-- Gives back where it was taken: in the entry of that number, or where entries were numbered anew, in those of that time. What
-- has left the window changes nothing.
local function give_back(part, amount, window)
  local key, at = part[1], part[4]
  if amount <= 0 or at <= now - window then return end
  local left = amount
  local function from(number, text)
    local entry = text and entry_of(text)
    -- Numbers begin anew where a counter was forgotten: the entry must also span the time of the taking.
    if not entry or at < entry[1] or entry[2] < at then return end
    local back = math.min(left, entry[3])
    left = left - back
    redis.call('HSET', key, number, string.format('%.0f %.0f %.0f', entry[1], entry[2], entry[3] - back))
  end
  from(part[6], redis.call('HGET', key, part[6]))
  if left > 0 then
    local ends = redis.call('HMGET', key, 'a', 'z')
    local numbers = {}
    for i = tonumber(ends[1] or '1'), tonumber(ends[2] or '0') do numbers[#numbers + 1] = i end
    local texts = #numbers > 0 and redis.call('HMGET', key, unpack(numbers)) or {}
    for i, text in ipairs(texts) do if left > 0 then from(numbers[i], text) end end
  end
  if left < amount then redis.call('HINCRBY', key, 's', left - amount) end
end

-- Counts a rate's part as `actual` instead of what it took: what is less is given back where it was taken, what is more counts
-- from now on.
local function adjust_rate(part, actual, window, max)
  local amount = part[3]
  if actual < amount then
    give_back(part, amount - actual, window)
  elseif actual > amount and window > 0 then
    take_rate(open_rate(part[1], window), actual - amount, max)
  end
  part[3] = actual
end

local function reset_rate(rate)
  return rate.tail and math.max(0, rate.tail[2] + rate.window - rate.now) or 0
end

-- Microseconds until `amount` fits; -1 where it never does.
local function wait_rate(rate, amount, max)
  if amount > max then return -1 end
  local over, at = rate.sum + amount - max, rate.now
  local numbers = {}
  for number = rate.a, rate.z do numbers[#numbers + 1] = number end
  local texts = #numbers > 0 and redis.call('HMGET', rate.key, unpack(numbers)) or {}
  for _, text in ipairs(texts) do
    if over <= 0 then break end
    local entry = entry_of(text)
    over, at = over - entry[3], entry[2] + rate.window
  end
  return math.max(0, at - now)
end
