-- Moves the pointer to the live read models and announces the change, if it begins as given.
-- KEYS   1 the pointer, 2 the stream of announcements, 3 the heartbeat
-- ARGV   1 how the pointer begins ('' for none), 2 the new pointer, 3 the message,
--        4 how many announcements to keep, 5 how many bytes of messages to keep after the first,
--        6 the heartbeat ('' for none), 7 the milliseconds until it expires
-- Returns 1; 0 where it begins otherwise. A pointer that is no string counts as none.
-- An announcement names the one before it, and has the bytes of all messages up to its own.
local text = redis.call('TYPE', KEYS[1]).ok == 'string'
local pointer = text and redis.call('GET', KEYS[1]) or ''
if string.sub(pointer, 1, #ARGV[1]) ~= ARGV[1] or (ARGV[1] == '' and pointer ~= '') then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[6] ~= '' then
  redis.call('SET', KEYS[3], ARGV[6], 'PX', ARGV[7])
end

local stream = redis.call('TYPE', KEYS[2]).ok == 'stream'
local last = stream and redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local bytes = last and tonumber(last[2][4])
if not bytes then
  redis.call('DEL', KEYS[2])
  last, bytes = {'0-0'}, 0
end
bytes = bytes + #ARGV[3]
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[4], '*',
  'before', last[1], 'bytes', string.format('%.0f', bytes), 'message', ARGV[3])
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
while bytes - tonumber(first[2][4]) > tonumber(ARGV[5]) do
  redis.call('XDEL', KEYS[2], first[1])
  first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
end
return 1
