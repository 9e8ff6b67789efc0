"""FastAPI with SQLAlchemy's ORM on asyncpg, served by uvicorn.

python -m tests.benchmarks.peers.fastapi_votes PORT POSTGRES_URL TOOL …
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import uvicorn
from fastapi import Cookie, Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

CONNECTIONS = 16
Choice = Literal["ship", "skip"]


class Base(DeclarativeBase):
    pass


class Tally(Base):
    __tablename__ = "fastapi_tallies"
    tool: Mapped[str] = mapped_column(primary_key=True)
    ship: Mapped[int] = mapped_column(default=0)
    skip: Mapped[int] = mapped_column(default=0)


class Vote(Base):
    __tablename__ = "fastapi_votes"
    voter: Mapped[str] = mapped_column(primary_key=True)
    tool: Mapped[str] = mapped_column(primary_key=True)
    choice: Mapped[str]


class Body(BaseModel):
    choice: Choice


class Answer(BaseModel):
    tool: str
    choice: Choice
    previous: Choice | None
    changed: bool


def application(url: str, tools: list[str]) -> FastAPI:
    address = url.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(address, pool_size=CONNECTIONS, max_overflow=0)
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with sessions() as session, session.begin():
            session.add_all(Tally(tool=tool, ship=0, skip=0) for tool in tools)
        yield
        await engine.dispose()

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    app = FastAPI(lifespan=lifespan)

    @app.put("/v1/tools/{slug}/vote")
    async def vote(
        slug: str,
        body: Body,
        visitor: Annotated[str, Cookie()],
        session: Annotated[AsyncSession, Depends(session)],
    ) -> Answer:
        tally = await session.get(Tally, slug, with_for_update=True)
        if tally is None:
            raise HTTPException(404)
        vote = await session.get(Vote, (visitor, slug))
        previous = None if vote is None else vote.choice
        if vote is None:
            session.add(Vote(voter=visitor, tool=slug, choice=body.choice))
        else:
            vote.choice = body.choice
        if previous != body.choice:
            setattr(tally, body.choice, getattr(tally, body.choice) + 1)
            if previous is not None:
                setattr(tally, previous, getattr(tally, previous) - 1)
        await session.commit()
        return Answer(
            tool=slug, choice=body.choice, previous=previous, changed=previous != body.choice
        )

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    return app


def main() -> None:
    port, url, *tools = sys.argv[1:]
    uvicorn.run(application(url, tools), port=int(port), log_level="error", access_log=False)


if __name__ == "__main__":
    main()
