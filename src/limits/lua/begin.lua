-- Begins to rebuild the counter KEYS[4], and says which holds it counts already.
-- ask: kind, ttl (milliseconds), stamp, me, patience, quarantine
-- known | busy | recovering | rebuild <token> <hold id>...

local key = KEYS[4]
if recovering() > 0 then return { 'recovering', now, epoch } end
local level = redis.call('HMGET', key, 'u', 'v')
local waits = level[1]
if not is_known(key) or (not waits and not is_new(level[2], ask.stamp)) then
  make({ [key] = ask.kind })
  waits = ''
end
if not waits then return { 'known', now, epoch } end
local owner, since = string.match(waits, '^(.*) (%d+)$')
if owner and owner ~= ask.me and math.abs(now - tonumber(since)) < ask.patience then return { 'busy', now, epoch } end

local token = ask.me .. ' ' .. string.format('%.0f', now)
redis.call('HSET', key, 'u', token)
redis.call('PEXPIRE', key, ask.ttl)
local reply = { 'rebuild', now, epoch, token }
for _, field in ipairs(redis.call('HKEYS', key)) do
  if string.sub(field, 1, 2) == 'i:' then reply[#reply + 1] = string.sub(field, 3) end
end
return reply
