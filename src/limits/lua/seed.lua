-- Ends the rebuild of KEYS[4] that `token` names, if it is still the last one begun. ask: token, spent

local level = redis.call('HMGET', KEYS[4], 'e', 'u')
if level[1] ~= epoch or level[2] ~= ask.token then return { 'stale', now, epoch } end
redis.call('HINCRBY', KEYS[4], 's', ask.spent)
redis.call('HDEL', KEYS[4], 'u')
return { 'seeded', now, epoch }
