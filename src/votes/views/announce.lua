-- Moves the pointer to the live models and tells all who follow, if it is where I left it.
-- KEYS   1 the pointer
-- ARGV   1 how the pointer begins, as I left it ('' for none), 2 the new one, 3 channel, 4 message
-- Answer 1; 0 where somebody else has moved it. What is no text there is as good as nothing.
local text = redis.call('TYPE', KEYS[1]).ok == 'string'
local pointer = text and redis.call('GET', KEYS[1]) or ''
if string.sub(pointer, 1, #ARGV[1]) ~= ARGV[1] or (ARGV[1] == '' and pointer ~= '') then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
