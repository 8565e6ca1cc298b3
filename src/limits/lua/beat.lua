-- A gateway says that it is alive. KEYS[4] zset of gateways by when they last said so.
-- ask: me, run, renew = {ids}, posted = {ids}, lease, gap, rest, redeliver, forget, present, take
-- beat <gateways> <1 if more has lapsed> {lapsed hold to be closed, as `tell` has it}...
--
-- Another server process, or one that was restored from a copy, may have forgotten what it once knew: a new epoch. Where no
-- gateway was heard for a while it was not the gateways that died: nothing lapses until they have had time to renew.

local meta = redis.call('HMGET', HOLDS, 'run', 'beat')
if ask.run ~= '' and meta[1] ~= ask.run then
  if meta[1] then begin_epoch() end
  redis.call('HSET', HOLDS, 'run', ask.run)
end
if meta[2] and now - tonumber(meta[2]) > ask.gap then
  grace = now + ask.rest
  redis.call('HSET', HOLDS, 'grace', grace)
end
redis.call('HSET', HOLDS, 'beat', now)

for _, id in ipairs(ask.renew) do
  local hold = load(id)
  if hold and hold[1] == 'o' then redis.call('ZADD', LEASES, now + ask.lease, id) end
end
for _, id in ipairs(ask.posted) do
  local hold = load(id)
  if hold and hold[1] == 's' then forget(id, hold) end
end

redis.call('ZADD', KEYS[4], now, ask.me)
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - ask.present)
local stale = sweep(200)
local reply = { 'beat', now, epoch, redis.call('ZCARD', KEYS[4]), stale and 1 or 0 }

for _, id in ipairs(redis.call('ZRANGEBYSCORE', LAPSED, '-inf', now, 'LIMIT', 0, ask.take)) do
  local hold = load(id)
  if not hold then
    redis.call('ZREM', LAPSED, id)
  elseif now - hold[4] > ask.forget then
    forget(id, hold)
  else
    redis.call('ZADD', LAPSED, now + ask.redeliver, id)
    reply[#reply + 1] = tell(id, hold)
  end
end
return reply
