-- Ends the rebuild of KEYS[4] that `token` names, if it is still the last one begun. ask: token, spent, stamp
-- seeded | stale

local key = KEYS[4]
local level = redis.call('HMGET', key, 'e', 'u')
if level[1] ~= epoch or level[2] ~= ask.token then return { 'stale', now, epoch } end
redis.call('HINCRBY', key, 's', ask.spent)
redis.call('HSET', key, 'v', string.format('%.0f', ask.stamp))
for _, field in ipairs(redis.call('HKEYS', key)) do
  if field == 'u' or string.sub(field, 1, 2) == 'i:' then redis.call('HDEL', key, field) end
end
return { 'seeded', now, epoch }
