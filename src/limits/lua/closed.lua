-- Which of some holds lapsed or were closed without their owners, and which are not known here. ask: ids
-- closed {unknown id...} {hold, as `tell` has it}...

local unknown, reply = {}, { 'closed', now, epoch }
reply[4] = unknown
for _, id in ipairs(ask.ids) do
  local hold = load(id)
  if not hold then
    unknown[#unknown + 1] = id
  elseif hold[1] == 'l' or hold[1] == 'c' then
    reply[#reply + 1] = tell(id, hold)
  end
end
return reply
