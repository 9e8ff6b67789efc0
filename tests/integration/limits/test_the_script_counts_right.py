"""The script in Valkey against the same rule in plain Python, at the script's own time."""

from collections.abc import Sequence
from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

SCRIPT = (files("votes.limits") / "gcra.lua").read_text()
KEYS = tuple("abcde")


class Place(Struct):
    """A limit of somebody: `back` is when all of it is there again, at first from `now` on, in µs;
    with `garbage` something else stands there. `through` requests count before all others."""

    interval: int
    burst: int
    back: int
    through: int
    garbage: str | None


Request = list[tuple[int, bool]]
"""The places that it counts towards, each soft or not."""

places = st.builds(
    lambda interval, quantity, share, through, garbage: Place(
        interval, interval * quantity, int(interval * quantity * share), through, garbage
    ),
    st.integers(100, 10**9),
    st.integers(1, 50),
    st.one_of(st.floats(0, 2.4), st.sampled_from([-1.0, 0.0, 1.0, 1e3])),
    st.one_of(st.just(0), st.integers(0, 60)),
    st.sampled_from([None, None, None, "", "nan", "-5", "1e99", "99999999999999999999", "a list"]),
)
requests = st.lists(
    st.tuples(st.integers(0, len(KEYS) - 1), st.booleans()),
    max_size=5,
    unique_by=lambda one: one[0],
)


def start(place: Place, planted: int, now: int) -> int:
    """When all of the limit is back before anything is counted: what is no time is now, and none
    is further away than twice the limit."""
    if place.garbage is not None:
        planted = int(place.garbage) if place.garbage.isdigit() else now
    return min(max(planted, now) + place.through * place.interval, now + 2 * place.burst)


def counted(backs: list[int], places: Sequence[Place], request: Request, now: int) -> list[int]:
    """What the script is to answer of a request. Counts it, if it is within all its limits."""

    def wait(place: int) -> int:
        return backs[place] + places[place].interval - places[place].burst - now

    within = all(soft or wait(place) <= 0 for place, soft in request)
    answer = []
    for place, _ in request:
        over = wait(place) > 0
        waits = -wait(place)
        if within and not over:
            backs[place] += places[place].interval
        answer.append(waits if over else backs[place] - now)
    return answer


@given(st.tuples(*[places] * len(KEYS)), st.lists(requests, min_size=1, max_size=12))
async def test_it_answers_and_keeps_what_the_rule_says(space, places, asked):
    redis = space.redis
    keys = [f"{space.prefix}:{key}" for key in KEYS]
    seconds, us = await redis.time()
    planted = [seconds * 10**6 + us + place.back for place in places]
    await redis.delete(*keys)
    for key, place, back in zip(keys, places, planted, strict=True):
        if place.garbage == "a list":
            await redis.rpush(key, "x")
        else:
            await redis.set(key, back if place.garbage is None else place.garbage)
    limits = [n for place in places for n in (place.interval, place.burst, place.through)]
    arguments = [
        number
        for request in asked
        for number in (len(request), *(-p - 1 if soft else p + 1 for p, soft in request))
    ]
    now, *answers = await redis.eval(SCRIPT, len(keys), *keys, *limits, *arguments)

    backs = [start(place, back, now) for place, back in zip(places, planted, strict=True)]
    before = [
        start(replace(place, through=0), back, now)
        for place, back in zip(places, planted, strict=True)
    ]
    expected = [counted(backs, places, request, now) for request in asked]
    assert answers == [answer for answers in expected for answer in answers]
    for key, old, back in zip(keys, before, backs, strict=True):
        if back != old:
            kept, ends_ms = await redis.pipeline().get(key).pexpiretime(key).execute()
            if kept is not None:  # else all is back already
                assert int(kept) == back
                assert 0 <= ends_ms * 1_000 - back < 1_000
    await redis.delete(*keys)


async def test_what_is_counted_is_forgotten_when_all_is_back(space):
    key = f"{space.prefix}:a"
    now, back = await space.redis.eval(SCRIPT, 1, key, 10_000_000, 20_000_000, 0, 1, 1)
    assert back == 10_000_000
    assert await space.redis.pexpiretime(key) == -(-(now + back) // 1_000)
