-- Moves the pointer to the live read models and publishes a message, if it begins as given.
-- KEYS   1 the pointer
-- ARGV   1 how the pointer begins ('' for none), 2 the new pointer, 3 channel, 4 message
-- Returns 1; 0 where it begins otherwise. A pointer that is no string counts as none.
local text = redis.call('TYPE', KEYS[1]).ok == 'string'
local pointer = text and redis.call('GET', KEYS[1]) or ''
if string.sub(pointer, 1, #ARGV[1]) ~= ARGV[1] or (ARGV[1] == '' and pointer ~= '') then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
