-- Ends a hold with what was used. ask: id, by, keep, parts = {{actual, window, max}} in the order of the hold's parts.
-- by `owner`   who took it: for good, whatever others made of it meanwhile
--    `closer`  who closes a lapsed hold at what the ledger knows: its owner may still settle it
--    `ledger`  who heard that the ledger knows more of a hold that lapsed or was closed
-- unknown   there is no such hold here, or it has other parts
-- already   it was settled before, or is not in a state that is to be ended so; nothing changes
-- settled   then per part what its budget has spent, or -1

local hold = load(ask.id)
if not hold or #hold[3] ~= #ask.parts then return { 'unknown', now, epoch } end
local may = { owner = 'olc', closer = 'l', ledger = 'lc' }
if not string.find(may[ask.by], hold[1], 1, true) then return { 'already', now, epoch } end
local state = ask.by == 'owner' and 's' or 'c'

local reply = { 'settled', now, epoch }
for i, part in ipairs(hold[3]) do
  local actual = ask.parts[i][1]
  local spent = -1
  if part[2] == 'r' then
    local window = ask.by == 'owner' and ask.parts[i][2] or part[8] or 0
    adjust_rate(part, actual, window, ask.parts[i][3])
  else
    local known = is_known(part[1])
    if known then count(part, hold[1], -1, true) end
    if part[2] == 'c' then refer(part, hold[1], -1) end
    part[4] = part[2] == 'b' and actual or 0
    if known and part[2] == 'b' then spent = count(part, state, 1, true) end
  end
  reply[3 + i] = spent
end

hold[1] = state
save(ask.id, hold)
redis.call('ZREM', LAPSED, ask.id)
redis.call('ZADD', LEASES, now + ask.keep, ask.id)
return reply
