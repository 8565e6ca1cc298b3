-- Begins to rebuild the counter KEYS[4]: counts what the holds that are known here have of it, and says which they are.
-- ask: kind, ttl (milliseconds), me, patience, quarantine
-- known | busy | recovering | rebuild <token> <hold id>...

local key = KEYS[4]
local level = redis.call('HMGET', key, 'e', 'u')
if level[1] == epoch and not level[2] then return { 'known', now, epoch } end
if recovering() > 0 then return { 'recovering', now, epoch } end
if level[1] == epoch then
  local owner, since = string.match(level[2], '^(.*) (%d+)$')
  if owner ~= ask.me and now - tonumber(since) < ask.patience then return { 'busy', now, epoch } end
end

local token = ask.me .. ' ' .. string.format('%.0f', now)
local reply = { 'rebuild', now, epoch, token }
local spent, held = 0, 0
if redis.call('HEXISTS', HOLDS, 'c:' .. key) == 1 then
  local all = redis.call('HGETALL', HOLDS)
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 2) == 'h:' then
      local hold = cmsgpack.unpack(all[i + 1])
      for _, part in ipairs(hold[3]) do
        if part[1] == key then
          if hold[1] == 'o' then held = held + part[3] else spent = spent + part[4] end
          reply[#reply + 1] = string.sub(all[i], 3)
        end
      end
    end
  end
end
redis.call('DEL', key)
redis.call('HSET', key, 's', spent, 'h', held, 'e', epoch)
redis.call('PEXPIRE', key, ask.ttl)
-- What is open now needs no ledger.
if ask.kind == 'c' then return { 'known', now, epoch } end
redis.call('HSET', key, 'u', token)
return reply
