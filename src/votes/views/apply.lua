-- Applies a folded batch to one partition, if it stands where the batch starts and is whole.
-- KEYS   1 checkpoint, then a hash for each model
-- ARGV   1 epoch, 2 position before, 3 position after, then for each model how many values it gets
--        and how many it loses, a field and a value for each it gets, a field for each it loses
-- Answer 'applied'; 'past' where the checkpoint is beyond the start already; 'refused' otherwise.
-- A script is not rolled back, so all is checked before the first write. Positions are compared
-- as text: a Lua number is exact to 2^53 only.
local function counts()
  local found = {}
  for i = 2, #KEYS do
    found[#found + 1] = redis.call('HLEN', KEYS[i])
  end
  return table.concat(found, ':')
end

local epoch, before, after = ARGV[1], ARGV[2], ARGV[3]
local checkpoint = redis.call('GET', KEYS[1]) or ''
local position, held = string.match(checkpoint, '^' .. epoch .. ':(%d+):([%d:]+)$')
if held ~= counts() then
  return 'refused'
end
if position ~= before then
  local past = #position > #before or (#position == #before and position > before)
  return past and 'past' or 'refused'
end
local at = 4
for i = 2, #KEYS do
  local gets, loses = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  at = at + 2
  for _ = 1, gets do
    redis.call('HSET', KEYS[i], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  for _ = 1, loses do
    redis.call('HDEL', KEYS[i], ARGV[at])
    at = at + 1
  end
end
redis.call('SET', KEYS[1], epoch .. ':' .. after .. ':' .. counts())
return 'applied'
