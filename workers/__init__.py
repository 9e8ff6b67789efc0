"""The arq worker: the projector, and thin jobs that call `votes.app` through `votes.wiring`."""

from workers.settings import WorkerSettings

__all__ = ["WorkerSettings"]
