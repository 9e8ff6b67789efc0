"""Style that runs as a test, after TigerBeetle's tidy.zig: no check has a list of exceptions."""

import ast
import fnmatch
import functools
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
FOLDER_MODULES_MAX = 15
TOP_LEVEL = (
    *("pyproject.toml", "src", "workers", "migrations", "tests", "deploy", "docs", ".ci"),
    *(
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "GUARANTEES.md",
        "SECURITY.md",
        "LICENSE",
    ),
    *("requirements.lock", "Makefile", ".gitignore"),
)
VAGUE_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}
SQL = re.compile(r"\b(SELECT\s+[\w*$(']|INSERT\s+INTO\b|UPDATE\s+\w+\s+SET\b|DELETE\s+FROM\b)")
SQL_PLACES = ("src/votes/store/", "migrations/", "tests/")
UNFINISHED = re.compile(r"\b([T]ODO|[F]IXME|[X]XX)\b")
NAMED_TEST = re.compile(r"`(tests/[\w./]+?)/?`")
KEY_IN_PYTHON = re.compile(r"\{p(\d|$|%|\{)")
KEY_IN_LUA = re.compile(r"""['"]\{p""")
IMPURE_CALL = re.compile(
    r"(^|\.)((datetime|date)\.(now|today)|utcnow|time\.(time|time_ns|monotonic)|uuid[1-7]|urandom)$"
    r"|^(random|secrets)\."
)
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where statements have statements inside."""
POLLING = re.compile(r"^_?(poll|until|eventually|wait_(for|until))(_\w+)?$")

Check = Callable[[str, str], Iterator[str]]


def top_level(path: str, text: str) -> Iterator[str]:
    if Path(path).parts[0] not in TOP_LEVEL:
        yield f"{path}: the top level holds only what is listed"


def plain_names(path: str, text: str) -> Iterator[str]:
    vague = VAGUE_NAMES & {Path(part).stem for part in path.split("/")}
    yield from (f"{path}: {name!r} does not say what it holds" for name in sorted(vague))


def short_files(path: str, text: str) -> Iterator[str]:
    lines = text.count("\n")
    if path.endswith((".py", ".js", ".lua")) and lines > FILE_LINES_MAX:
        yield f"{path}: {lines} lines, at most {FILE_LINES_MAX}"


def short_functions(path: str, text: str) -> Iterator[str]:
    for node in statements(path, text):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{path}:{node.lineno}: {node.name} has {lines} lines"


def clean_text(path: str, text: str) -> Iterator[str]:
    if text and (not text.endswith("\n") or text.endswith("\n\n") or text == "\n"):
        yield f"{path}: ends in one newline"
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip(" \t\r"):
            yield f"{path}:{number}: trailing whitespace"
        if "\t" in line and path.endswith(".py"):
            yield f"{path}:{number}: tab"
        if UNFINISHED.search(line):
            yield f"{path}:{number}: unfinished work is not left in the text"


def named_tests_exist(path: str, text: str) -> Iterator[str]:
    """Documents name the tests that show what they say."""
    for named in NAMED_TEST.findall(text) if path.endswith(".md") else ():
        if not (ROOT / named).exists():
            yield f"{path}: there is no {named}"


def described_scripts(path: str, text: str) -> Iterator[str]:
    if path.endswith(".lua"):
        opening = re.match(r"(--.*\n)*", text)
        words = opening[0].lower() if opening else ""
        for word in ("keys", "argv", "return"):
            if word not in words:
                yield f"{path}: the opening comment does not name {word}"


def sql_in_its_place(path: str, text: str) -> Iterator[str]:
    if path.endswith(".sql") and not path.startswith(SQL_PLACES):
        yield f"{path}: SQL lives in {', '.join(SQL_PLACES)}"
    runner = path == "src/votes/store/migrate.py"  # its table exists before any migration
    if path.startswith(("src/", "workers/")) and not runner:
        for line, value in strings(path, text):
            if SQL.search(value):
                yield f"{path}:{line}: SQL belongs in src/votes/store/*.sql"


def keys_in_one_place(path: str, text: str) -> Iterator[str]:
    where = "Redis keys are spelled in src/votes/views/keys.py"
    if path.startswith(("src/", "workers/")) and path != "src/votes/views/keys.py":
        for line, value in strings(path, text):
            if KEY_IN_PYTHON.search(value):
                yield f"{path}:{line}: {where}"
        if path.endswith(".lua") and KEY_IN_LUA.search(text):
            yield f"{path}: {where}"


def pure_core(path: str, text: str) -> Iterator[str]:
    if path.startswith(("src/votes/domain/", "src/votes/app/")):
        for node in nodes(path, text):
            if isinstance(node, ast.Call) and IMPURE_CALL.search(dotted(node.func)):
                yield f"{path}:{node.lineno}: time, ids and chance are arguments"


def no_sleeping_tests(path: str, text: str) -> Iterator[str]:
    """A benchmark may pace its load; a test waits only in the loop of a poll_* or wait_for."""
    waits = "sleep" in text and path.startswith("tests/")
    if waits and not path.startswith("tests/benchmarks/"):
        polls = {id(call) for node in nodes(path, text) for call in polled_sleeps(node)}
        for node in nodes(path, text):
            if isinstance(node, ast.expr) and is_sleep(node) and id(node) not in polls:
                yield f"{path}:{node.lineno}: a test does not sleep to wait"


def polled_sleeps(node: ast.AST) -> Iterator[ast.AST]:
    named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and POLLING.match(node.name)
    for loop in ast.walk(node) if named else ():
        counted = isinstance(loop, ast.For)
        timed = isinstance(loop, ast.While) and not isinstance(loop.test, ast.Constant)
        if counted or timed:
            yield from filter(is_sleep, ast.walk(loop))


def is_sleep(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or dotted(node.func).split(".")[-1] != "sleep":
        return False
    yields = node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
    return not yields


def dotted(node: ast.AST) -> str:
    match node:
        case ast.Attribute(value=value, attr=name):
            return f"{dotted(value)}.{name}"
        case ast.Name(id=name):
            return name
        case _:
            return ""


@functools.lru_cache(maxsize=1)
def nodes(path: str, text: str) -> list[ast.AST]:
    return list(ast.walk(_parsed(path, text)))


def statements(path: str, text: str) -> Iterator[ast.AST]:
    """Without what they are made of, which is most of the nodes."""
    found: list[ast.AST] = [_parsed(path, text)]
    for node in found:
        for block in BLOCKS:
            found += getattr(node, block, ())
        yield node


@functools.lru_cache(maxsize=1)
def _parsed(path: str, text: str) -> ast.Module:
    """Once more where CPython 3.11 lost count of its depth (python/cpython#106905)."""
    code = text if path.endswith(".py") else ""
    try:
        return ast.parse(code)
    except SystemError:
        return ast.parse(code)


def strings(path: str, text: str) -> Iterator[tuple[int, str]]:
    """The string constants, and the fixed parts of f-strings, that are not docstrings, each with
    the number of its line."""
    prose = {id(node.value) for node in nodes(path, text) if isinstance(node, ast.Expr)}
    for node in nodes(path, text):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


CHECKS: list[Check] = [
    top_level,
    plain_names,
    short_files,
    short_functions,
    clean_text,
    named_tests_exist,
    described_scripts,
    sql_in_its_place,
    keys_in_one_place,
    pure_core,
    no_sleeping_tests,
]


def paths() -> list[str]:
    """What git holds or would add; without git, every file that .gitignore does not name."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        listed = ""
    found = [path for path in listed.split("\0") if (ROOT / path).is_file()]
    return sorted(set(found) or walked())


def walked() -> Iterator[str]:
    """It does not look into folders that .gitignore names: a .venv has more files than all else."""
    ignored = [*(ROOT / ".gitignore").read_text().replace("/\n", "\n").split(), ".git"]
    for folder, folders, files in os.walk(ROOT):
        hidden = {name for rule in ignored for name in fnmatch.filter([*folders, *files], rule)}
        folders[:] = [name for name in folders if name not in hidden]
        inside = Path(folder).relative_to(ROOT)
        yield from ((inside / name).as_posix() for name in files if name not in hidden)


@functools.cache
def texts() -> dict[str, str]:
    """Each file with its text; what is no text has none, but a place and a name."""
    contents = {path: (ROOT / path).read_bytes() for path in paths()}
    return {
        path: "" if b"\0" in content else content.decode() for path, content in contents.items()
    }


@functools.cache
def complaints() -> dict[Check, list[str]]:
    """Of each check. File by file, as it takes longer to hold all syntax trees than to parse."""
    said: dict[Check, list[str]] = {check: [] for check in CHECKS}
    for path, text in texts().items():
        for check in CHECKS:
            said[check] += check(path, text)
    return said


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_tree_is_tidy(check: Check):
    assert not complaints()[check], "\n" + "\n".join(complaints()[check])


def crowded(modules: Iterable[str]) -> list[str]:
    """The folders with too many modules to guess the right one."""
    counts = Counter(str(Path(path).parent) for path in modules if path.endswith(".py"))
    return [folder for folder, count in counts.items() if count > FOLDER_MODULES_MAX]


def test_no_folder_is_crowded():
    assert not crowded(paths())
    full = [f"src/votes/a/{number}.py" for number in range(FOLDER_MODULES_MAX)]
    assert not crowded([*full, "src/votes/a/b.css", "src/votes/a/b/c.py"])
    assert crowded([*full, "src/votes/a/b.py"]) == ["src/votes/a"]


def test_the_checks_see_the_tree():
    assert {"pyproject.toml", "tests/test_tidy.py", "Makefile"} <= set(paths())
    assert {"pyproject.toml", "tests/test_tidy.py", "Makefile"} <= set(walked())
    assert not [path for path in walked() if ".venv" in path or "__pycache__" in path]


SLEEP = "asyncio" + ".sleep"
SCRIPT = "-- KEYS: one hash.\n-- ARGV: a position.\n-- Returns 1 if applied.\nreturn 1\n"
PLANTED = [
    (top_level, "scripts/build.py", ""),
    (top_level, "TASKS.md", ""),
    (plain_names, "src/votes/api/utils.py", ""),
    (plain_names, "src/votes/helpers/text.py", ""),
    (short_files, "src/votes/long.py", "x = 1\n" * (FILE_LINES_MAX + 1)),
    (short_functions, "src/votes/a.py", "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX),
    (short_functions, "tests/a.py", "async def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX),
    (named_tests_exist, "docs/a.md", "Shown by `tests/none`.\n"),
    (clean_text, "docs/a.md", "no newline"),
    (clean_text, "docs/a.md", "two newlines\n\n"),
    (clean_text, "docs/a.md", "a space \n"),
    (clean_text, "docs/a.md", "a carriage return\r\n"),
    (clean_text, "src/a.py", "if x:\n\ty = 1\n"),
    (clean_text, "src/a.py", "# " + "todo".upper() + ": later\n"),
    (described_scripts, "src/votes/views/a.lua", "return 1\n"),
    (described_scripts, "src/votes/views/a.lua", SCRIPT.replace("ARGV", "Values")),
    (described_scripts, "src/votes/views/a.lua", "local a = 1\n" + SCRIPT),
    (sql_in_its_place, "src/votes/api/a.py", 'q = "SELECT 1"\n'),
    (sql_in_its_place, "src/votes/store/events.py", 'q = f"DELETE FROM {table}"\n'),
    (sql_in_its_place, "workers/a.py", 'q = """\n  UPDATE events\n  SET a = 1"""\n'),
    (sql_in_its_place, "src/votes/api/a.sql", ""),
    (keys_in_one_place, "src/votes/app/a.py", 'key = f"{{p{part:02}}}:tally"\n'),
    (keys_in_one_place, "workers/a.py", 'key = "{p07}:tally"\n'),
    (keys_in_one_place, "src/votes/views/a.lua", "local key = '{p' .. ARGV[1]\n"),
    (pure_core, "src/votes/domain/a.py", "at = datetime.now(UTC)\n"),
    (pure_core, "src/votes/domain/a.py", "at = datetime.datetime.utcnow()\n"),
    (pure_core, "src/votes/app/a.py", "at = time.time()\n"),
    (pure_core, "src/votes/app/a.py", "id = uuid.uuid4()\n"),
    (pure_core, "src/votes/app/a.py", "x = random.random()\n"),
    (no_sleeping_tests, "tests/test_a.py", f"async def test_a():\n    await {SLEEP}(1)\n"),
    (no_sleeping_tests, "tests/test_a.py", "def poll_it():\n    time.sleep(1)\n"),
    (
        no_sleeping_tests,
        "tests/test_a.py",
        f"async def eventually():\n    while True:\n        await {SLEEP}(1)\n",
    ),
]
ALLOWED = [
    (top_level, "src/votes/store/a.py", ""),
    (plain_names, "src/votes/domain/vote.py", ""),
    (short_files, "src/votes/a.py", "x = 1\n" * FILE_LINES_MAX),
    (short_functions, "src/votes/a.py", "def f():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1)),
    (clean_text, "src/votes/py.typed", ""),
    (clean_text, "Makefile", "a:\n\tb\n"),
    (described_scripts, "src/votes/views/a.lua", SCRIPT),
    (sql_in_its_place, "src/votes/store/queries.sql", "SELECT 1;\n"),
    (
        sql_in_its_place,
        "src/votes/api/a.py",
        '"""DELETE /v1/me; SELECT one."""\nx = "DELETE /me"\n',
    ),
    (keys_in_one_place, "src/votes/views/keys.py", 'key = f"{{p{part:02}}}:tally"\n'),
    (keys_in_one_place, "src/votes/api/a.py", 'route = "/v1/{persona:str}"\n'),
    (pure_core, "src/votes/resources.py", "at = datetime.now(UTC)\n"),
    (pure_core, "src/votes/app/a.py", "at = clock.now()\n"),
    (no_sleeping_tests, "tests/test_a.py", f"async def test_a():\n    await {SLEEP}(0)\n"),
    (
        no_sleeping_tests,
        "tests/test_a.py",
        f"async def until():\n    for _ in range(9):\n        await {SLEEP}(0.1)\n",
    ),
]


@pytest.mark.parametrize(("check", "path", "text"), PLANTED)
def test_a_planted_violation_is_caught(check: Check, path: str, text: str):
    assert list(check(path, text))


@pytest.mark.parametrize(("check", "path", "text"), ALLOWED)
def test_what_is_right_passes(check: Check, path: str, text: str):
    assert not list(check(path, text))
