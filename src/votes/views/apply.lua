-- Applies a folded batch to one partition, if it stands where the batch starts and is whole.
-- KEYS   1 checkpoint, 2 tallies, 3 profiles, 4 parked
-- ARGV   1 epoch, 2 position before, 3 position after, 4 and 5 the number of tallies and profiles,
--        then for each tally, profile and parked event its field and value
-- Answer 'applied'; 'past' where the checkpoint is beyond the start already; 'refused' otherwise.
-- A script is not rolled back, so all is checked before the first write. Positions are compared
-- as text: a Lua number is exact to 2^53 only.
local function counts()
  return string.format(
    '%d:%d:%d', redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[3]), redis.call('HLEN', KEYS[4])
  )
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
local last_tally = 5 + 2 * tonumber(ARGV[4])
local last_profile = last_tally + 2 * tonumber(ARGV[5])
for i = 6, #ARGV, 2 do
  local key = KEYS[i <= last_tally and 2 or i <= last_profile and 3 or 4]
  redis.call('HSET', key, ARGV[i], ARGV[i + 1])
end
redis.call('SET', KEYS[1], epoch .. ':' .. after .. ':' .. counts())
return 'applied'
