"""Instructions of each operation on the data path, counted by callgrind."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / ".build/release"
TARGETS = ["Bytes", "JSON", "OpenSSL", "HTTP", "JOSE", "Transport", "HTTP1", "MCP", "Policy", "Configuration"]
# Sources with types that are internal to their targets: compiled once more, into the program.
INTERNAL = [
    "Policy/ByteStringTable",
    "Policy/RouteTable",
    "Proxy/ClientResponse",
    "Proxy/ExchangeTrace",
    "Proxy/ForwardedFields",
    "Proxy/TraceContext",
    "Proxy/UpstreamRequest",
]
# Hashes with one seed, and code for one processor: libraries choose theirs by the one that they run on.
ENVIRONMENT = {
    "SWIFT_DETERMINISTIC_HASHING": "1",
    "OPENSSL_ia32cap": "0x0:0x0",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-BMI2,-LZCNT,-MOVBE,-RTM",
}


def build() -> Path:
    """Compiles Operations.swift with the objects of the release build, which must be there."""
    sources = [Path(__file__).with_name("Operations.swift"), *(ROOT / f"Sources/{name}.swift" for name in INTERNAL)]
    objects = [
        MODULES / f"{target}.build/{source.name}.o"
        for target in TARGETS
        for source in sorted((ROOT / "Sources" / target).rglob("*.swift"))
    ] + [MODULES / "CLinux.build/CLinux.c.o"]
    program = MODULES / "budget-operations"
    result = subprocess.run(
        [
            "swiftc",
            "-O",
            "-wmo",
            "-parse-as-library",
            "-static-stdlib",
            "-swift-version",
            "6",
            "-enable-upcoming-feature",
            "InternalImportsByDefault",
            # Those of Policy need not import it where they stand.
            "-Xfrontend",
            "-import-module",
            "-Xfrontend",
            "Policy",
            "-I",
            MODULES / "Modules",
            "-I",
            ROOT / "Sources/COpenSSL",
            "-Xcc",
            f"-fmodule-map-file={MODULES}/CLinux.build/module.modulemap",
            # valgrind cannot read what the compiler says for debuggers.
            *sources,
            *objects,
            "-lcrypto",
            "-lssl",
            "-Xlinker",
            "--strip-debug",
            "-o",
            program,
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert result.returncode == 0, "".join(re.findall(r"^.*error: .*\n", result.stderr, re.M)) or result.stderr
    return program


@functools.cache
def start(program: Path) -> int:
    """Instructions of the program without any operation."""
    return total(program, "route", 0)


def count(program: Path, operation: str, times: int = 4000) -> float:
    """Instructions of one operation."""
    return (total(program, operation, times) - start(program)) / times


def total(program: Path, operation: str, times: int) -> int:
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, operation, str(times)],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return int(re.search(r"Collected : (\d+)", result.stderr)[1])
