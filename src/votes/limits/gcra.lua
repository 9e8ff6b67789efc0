-- Counts requests towards their limits: a request counts towards all of its limits, or is refused.
-- KEYS   each limit of somebody, once
-- ARGV   for each key its interval and its burst in µs, and how many requests were let through that
--        count now; then for each request how many limits it has, and which keys: their numbers,
--        with a minus where the limit refuses nothing
-- Returns the server's time in µs; then for each limit of each request how many µs it takes until
-- all of it is back, or less than 0: minus how many until the request would be within it.
-- A key holds when all of its limit is back (GCRA, the theoretical arrival time), and goes then.
-- Requests that were let through beyond the limit count too, so those after them wait for longer.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.call('MGET', unpack(KEYS))
local back, interval, burst, used = {}, {}, {}, {}
for key = 1, #KEYS do
  interval[key], burst[key] = tonumber(ARGV[3 * key - 2]), tonumber(ARGV[3 * key - 1])
  local at = kept[key] and string.match(kept[key], '^%d+$') and tonumber(kept[key]) or now
  local through = tonumber(ARGV[3 * key])
  back[key] = math.min(math.max(at, now) + through * interval[key], now + 2 * burst[key])
  used[key] = through > 0 or nil
end
local results, at = { now }, 3 * #KEYS + 1
while at <= #ARGV do
  local last, within = at + ARGV[at], true
  for i = at + 1, last do
    local key = tonumber(ARGV[i])
    within = within and (key < 0 or back[key] + interval[key] <= now + burst[key])
  end
  for i = at + 1, last do
    local key = math.abs(ARGV[i])
    local left = back[key] + interval[key] - now
    if left > burst[key] then
      results[#results + 1] = burst[key] - left
    else
      if within then
        back[key], used[key] = now + left, true
      end
      results[#results + 1] = back[key] - now
    end
  end
  at = last + 1
end
for key in pairs(used) do
  local at_ms = math.ceil(back[key] / 1000)
  redis.call('SET', KEYS[key], string.format('%.0f', back[key]), 'PXAT', at_ms)
end
return results
