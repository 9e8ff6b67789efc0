-- Begins a generation, with a number never used before, even if Redis was flushed.
-- KEYS   1 the sorted set of generations
-- ARGV   1 the signature of the projections
-- Returns the number: the server's clock in milliseconds, or one more than the last.
if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then
  redis.call('DEL', KEYS[1])
end
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or '0'
local time = redis.call('TIME')
local clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local generation = string.format('%.0f', math.max(clock, tonumber(last) + 1))
redis.call('ZADD', KEYS[1], generation, ARGV[1] .. ':' .. generation)
return generation
