-- Counts what a gateway took of sliding windows while this server was away, at the time at which it was taken. KEYS[4] the
-- number of the last batch that the gateway told, KEYS[5...] the counters.
-- ask: number, keep (milliseconds), logs = {{window, max, {first, last, amount, first, last, amount...}}} in the order of the counters
-- told   also where it was told before: a batch counts once

if redis.call('GET', KEYS[4]) == ask.number then return { 'told', now, epoch } end

-- Two neighbours become one entry as in `take_rate`, so a window has no more entries than otherwise.
local function joined(entries, window, max)
  local all = {}
  for _, entry in ipairs(entries) do
    local tail = all[#all]
    if tail and entry[2] - tail[1] <= window / 100 and tail[3] + entry[3] <= max / 64 then
      tail[1], tail[2], tail[3] = math.min(tail[1], entry[1]), entry[2], tail[3] + entry[3]
    else
      all[#all + 1] = entry
    end
  end
  return all
end

for i, log in ipairs(ask.logs) do
  local key, window, max, taken = KEYS[4 + i], log[1], log[2], log[3]
  local rate = open_rate(key, window)
  local entries, sum, numbers = {}, 0, {}
  for number = rate.a, rate.z do numbers[#numbers + 1] = number end
  for _, text in ipairs(#numbers > 0 and redis.call('HMGET', key, unpack(numbers)) or {}) do
    entries[#entries + 1] = entry_of(text)
  end
  for t = 1, #taken, 3 do
    local last = math.min(taken[t + 1], rate.now)
    if last > rate.now - window then entries[#entries + 1] = { math.min(taken[t], last), last, taken[t + 2] } end
  end
  table.sort(entries, function(one, other) return one[2] < other[2] or (one[2] == other[2] and one[1] < other[1]) end)
  -- Numbers go on from the last one: a hold that names an old one finds its entry by the time.
  local fields, first = {}, rate.z + 1
  for n, entry in ipairs(joined(entries, window, max)) do
    sum = sum + entry[3]
    fields[#fields + 1] = first + n - 1
    fields[#fields + 1] = string.format('%.0f %.0f %.0f', entry[1], entry[2], entry[3])
  end
  redis.call('DEL', key)
  if #fields > 0 then
    redis.call('HSET', key, 's', sum, 'a', first, 'z', first + #fields / 2 - 1, 'x', 0, unpack(fields))
    redis.call('PEXPIRE', key, math.ceil(window / 500) + 60000)
  end
end
redis.call('SET', KEYS[4], ask.number, 'PX', ask.keep)
return { 'told', now, epoch }
