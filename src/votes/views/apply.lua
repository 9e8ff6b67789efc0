-- Applies changes to one partition, if it is complete and at the position that they start from.
-- KEYS   1 checkpoint, then a hash for each projection
-- ARGV   1 epoch, 2 position before, 3 position after, then for each projection how many values
--        to set and how many to delete, a field and a value for each set, a field for each delete
-- Returns 'applied', or 'refused'.
-- A script is not rolled back, so it checks everything before the first write. It compares positions
-- as text: a Lua number is exact to 2^53 only.
local lengths = {}
for i = 2, #KEYS do
  lengths[i - 1] = redis.call('HLEN', KEYS[i])
end

local epoch, before, after = ARGV[1], ARGV[2], ARGV[3]
local checkpoint = redis.call('GET', KEYS[1]) or ''
local position, expected = string.match(checkpoint, '^' .. epoch .. ':(%d+):([%d:]+)$')
if position ~= before or expected ~= table.concat(lengths, ':') then
  return 'refused'
end
local at = 4
for i = 2, #KEYS do
  local sets, deletes = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  at = at + 2
  for _ = 1, sets do
    redis.call('HSET', KEYS[i], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  for _ = 1, deletes do
    redis.call('HDEL', KEYS[i], ARGV[at])
    at = at + 1
  end
  if sets + deletes > 0 then
    lengths[i - 1] = redis.call('HLEN', KEYS[i])
  end
end
redis.call('SET', KEYS[1], epoch .. ':' .. after .. ':' .. table.concat(lengths, ':'))
return 'applied'
