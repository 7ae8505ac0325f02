"""What a request may cost, as budget.toml says: allocations, system calls, instructions. No time is measured."""

from __future__ import annotations

import re
import struct
import subprocess
import tomllib
from pathlib import Path

import instructions
import pytest
from gateway import Gateway

HERE = Path(__file__).parent
BUDGET = tomllib.loads((HERE / "budget.toml").read_text())
GROWTH = 1.05
WARM_UP, REQUESTS = 500, 3000
# What happens by the clock, such as a line that the log's thread writes, is no part of a request.
BY_THE_CLOCK = 0.05


def assert_within(what: str, figure: float, budget: float) -> None:
    print(f"{what}: {figure:.2f} of {budget}")
    assert figure <= budget * GROWTH + BY_THE_CLOCK, f"{what}: {figure:.2f}, the budget is {budget}"


@pytest.fixture(scope="session")
def operations() -> Path:
    return instructions.build()


@pytest.mark.parametrize("operation", BUDGET["instructions"])
def test_an_operation_stays_within_its_instructions(operations: Path, operation: str) -> None:
    figure = instructions.count(operations, operation)
    assert figure > 10, "an operation that does something"
    assert_within(operation, figure, BUDGET["instructions"][operation])


def test_a_request_on_a_kept_connection_allocates_nothing_but_the_state_of_a_digest(tmp_path: Path) -> None:
    library, counter = tmp_path / "allocations.so", tmp_path / "count"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, HERE / "allocations.c"], check=True)
    counter.write_bytes(bytes(8))
    gateway = Gateway(tmp_path, environment={"LD_PRELOAD": str(library), "ALLOCATIONS": str(counter)})
    try:
        gateway.ask(WARM_UP)
        before = struct.unpack("=Q", counter.read_bytes())[0]
        gateway.ask(REQUESTS)
        figure = (struct.unpack("=Q", counter.read_bytes())[0] - before) / REQUESTS
    finally:
        gateway.stop()
    assert before > 100, "the library counts"
    assert_within("allocations", figure, BUDGET["allocations"]["request"])


def test_a_request_takes_no_more_system_calls_than_its_messages(tmp_path: Path) -> None:
    once, twice = (system_calls(tmp_path, count) for count in (REQUESTS, 2 * REQUESTS))
    figures = {name: (calls - once.get(name, 0)) / REQUESTS for name, calls in twice.items()}
    assert sum(figures.values()) >= 4, "receives and sends on both sides"
    for name, figure in sorted(figures.items()):
        assert_within(name, figure, BUDGET["system_calls"].get(name, 0))


def system_calls(folder: Path, requests: int) -> dict[str, int]:
    """Calls of each name in the life of a gateway that answers so many requests."""
    summary = folder / "summary"
    gateway = Gateway(folder, wrapper=["strace", "-f", "-c", "-U", "name,calls", "-o", str(summary)])
    try:
        gateway.ask(requests)
    finally:
        gateway.stop()
    rows = re.findall(r"^(\w+) +(\d+)$", summary.read_text(), re.M)
    return {name: int(calls) for name, calls in rows if name != "total"}
