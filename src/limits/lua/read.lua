-- What the counters KEYS[4...] say. ask: quarantine, parts = {{kind, window, stamp}}
-- recovering | levels <1 if more has lapsed> then per counter: spent (-1: not known), held, reset

local stale = sweep(200)
if recovering() > 0 then return { 'recovering', now, epoch } end
local reply = { 'levels', now, epoch, stale and 1 or 0 }
for i, part in ipairs(ask.parts) do
  local key = KEYS[3 + i]
  local spent, held, reset = 0, 0, 0
  if part[1] == 'r' then
    local rate = open_rate(key, part[2])
    spent, reset = rate.sum, reset_rate(rate)
  else
    local level = redis.call('HMGET', key, 's', 'h', 'e', 'u', 'v')
    if level[3] ~= epoch and part[1] == 'c' then
      make({ [key] = 'c' })
      level = { '0', redis.call('HGET', key, 'h') or '0', epoch }
    end
    if level[3] == epoch and not level[4] and is_new(level[5], part[3]) then
      spent, held = tonumber(level[1]), tonumber(level[2])
    else
      spent = -1
    end
  end
  local at = #reply
  reply[at + 1], reply[at + 2], reply[at + 3] = spent, held, reset
end
return reply
