"""The geometry of a trend: new ship votes above the line, new skip votes below it.

Where a side lost votes it has no bar; the numbers say so.
"""

from msgspec import Struct

from votes.app.catalogue.trend import TrendBucket, TrendView

STEP = 10
BAR = 7
HEIGHT = 100
AXIS = 2


class Bar(Struct, frozen=True):
    """A bucket's bar: both parts begin at the line."""

    x: int
    ship_y: float
    ship_height: float
    skip_height: float
    bucket: TrendBucket


class Chart(Struct, frozen=True):
    """A drawing `width` wide and `HEIGHT` high, in its own units."""

    bars: list[Bar]
    width: int
    line_y: float
    ship: int
    skip: int
    busiest: int

    height: int = HEIGHT
    bar_width: int = BAR
    axis_height: int = AXIS

    @property
    def busy(self) -> list[TrendBucket]:
        """The buckets with votes, newest first."""
        return [bar.bucket for bar in reversed(self.bars) if bar.bucket.ship or bar.bucket.skip]


def chart(trend: TrendView) -> Chart:
    """The chart. Both sides share one scale, so that heights compare."""
    highest_ship = max((bucket.ship for bucket in trend.buckets if bucket.ship > 0), default=0)
    highest_skip = max((bucket.skip for bucket in trend.buckets if bucket.skip > 0), default=0)
    scale = (HEIGHT - AXIS) / max(highest_ship + highest_skip, 1)
    line_y = highest_ship * scale if highest_ship + highest_skip else (HEIGHT - AXIS) / 2
    bars = [
        Bar(
            x=number * STEP + (STEP - BAR) // 2,
            ship_y=round(line_y - max(bucket.ship, 0) * scale, 2),
            ship_height=round(max(bucket.ship, 0) * scale, 2),
            skip_height=round(max(bucket.skip, 0) * scale, 2),
            bucket=bucket,
        )
        for number, bucket in enumerate(trend.buckets)
    ]
    return Chart(
        bars,
        width=STEP * len(bars),
        line_y=round(line_y, 2),
        ship=sum(bucket.ship for bucket in trend.buckets),
        skip=sum(bucket.skip for bucket in trend.buckets),
        busiest=max(0, *(bucket.ship + bucket.skip for bucket in trend.buckets), 0),
    )
