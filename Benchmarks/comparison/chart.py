"""Charts as SVG, made by hand: bars that compare, and curves that grow. They follow the reader's light or dark theme."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from html import escape

from comparison.results import FIRST, Series

WIDTH = 760
BAR, GAP, LABELS, VALUES = 18, 5, 150, 120
COLOURS = {FIRST: "own", "nginx": "one", "HAProxy": "two", "Envoy": "three", "floor": "four"}
CHARTED = {
    "P1": "HTTP/1.1, token known; nginx and HAProxy without authentication, HAProxy with RS256",
    "P2": "the same over TLS 1.3 and HTTP/2",
    "P3 RS256": "HTTP/1.1, each token seen for the first time, RS256",
    "P3 ES256": "the same, ES256",
    "P8 full": "a connection with a full TLS 1.3 handshake",
}
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; } .faint { fill: #6e7781; font-size: 12px; } .axis { stroke: #d0d7de; }
  .own { fill: #0969da; } .one { fill: #8c959f; } .two { fill: #bf8700; } .three { fill: #8250df; } .four { fill: #d0d7de; }
  .line { stroke: #0969da; stroke-width: 2; fill: none; } .dot { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .faint { fill: #8b949e; } .axis { stroke: #30363d; }
    .own { fill: #4493f8; } .one { fill: #6e7681; } .two { fill: #d29922; } .three { fill: #ab7df8; } .four { fill: #484f58; }
    .line { stroke: #4493f8; } .dot { fill: #4493f8; }
  }
"""


def document(height: float, title: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" width="{WIDTH}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def comparison(series: dict[str, Series]) -> str:
    """Bars: the median for each proxy, in each of the series that are charted and measured."""
    parts, y = [text(0, 16, "Processor time of the proxy, microseconds: less is better", "title")], 34.0
    for name, title in CHARTED.items():
        if name not in series:
            continue
        medians = {proxy: statistics.median(values) for proxy, values in series[name].figures.items()}
        y += 14
        parts.append(text(0, y, f"{name}: {title}"))
        y += 10
        parts += bars(medians, y)
        y += (BAR + GAP) * len(medians) + 10
    return document(y, "Processor time of audgate beside other proxies", parts)


def bars(medians: dict[str, float], y: float) -> list[str]:
    parts, scale = [], (WIDTH - LABELS - VALUES) / max(medians.values())
    own = medians[FIRST]
    for place, (proxy, value) in enumerate(medians.items()):
        top = y + place * (BAR + GAP)
        kind = COLOURS[proxy.split()[0]]
        figure = f"{value:.1f}" if proxy == FIRST else f"{value:.1f}, {value / own:.1f} ×"
        parts.append(text(LABELS - 8, top + 13, proxy, anchor="end"))
        parts.append(
            f'<rect x="{LABELS}" y="{top:.1f}" width="{value * scale:.1f}" height="{BAR}" rx="2" class="{kind}"/>'
        )
        parts.append(text(LABELS + value * scale + 6, top + 13, figure, "faint"))
    return parts


def curves(title: str, unit: str, panels: dict[str, dict[float, float]]) -> str:
    """Small panels, two in a row: each a curve from 0 up, with its points at even distances."""
    width, height = WIDTH / 2, 190
    parts = [text(0, 16, title, "title")]
    for place, (name, points) in enumerate(panels.items()):
        parts += panel(name, unit, points, (place % 2) * width, 30 + place // 2 * height, width - 30, height - 60)
    return document(30 + math.ceil(len(panels) / 2) * height, title, parts)


def panel(
    name: str, unit: str, points: dict[float, float], x: float, y: float, width: float, height: float
) -> list[str]:
    top = max(points.values()) * 1.25
    step = (width - 60) / max(len(points) - 1, 1)
    places = [
        (x + 30 + place * step, y + 20 + height * (1 - value / top)) for place, value in enumerate(points.values())
    ]
    line = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
    bottom = y + 20 + height
    parts = [
        text(x, y + 12, f"{name}, {unit}"),
        f'<path d="M{x:.1f} {bottom:.1f}h{width:.1f}" class="axis"/>',
        f'<polyline points="{line}" class="line"/>',
    ]
    for (px, py), (key, value) in zip(places, points.items(), strict=True):
        parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" class="dot"/>')
        parts.append(text(px, py - 8, f"{value:.1f}", "faint", "middle"))
        parts.append(text(px, bottom + 14, f"{key:,.0f}", "faint", "middle"))
    return parts
