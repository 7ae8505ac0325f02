"""The status page in a real browser: what it says, how it stays up to date, and that everybody can read it."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from harness import raw_http, scripted_status
from harness.browser import Browser
from harness.gateway import free_port
from harness.scripted_status import POLICY, ScriptedStatus, Status

STATES = {
    "fresh": scripted_status.fresh,
    "busy": scripted_status.busy,
    "trouble": scripted_status.trouble,
    "large": lambda: scripted_status.large(1_000),
}
THIN = "\u202f"
DESKTOP, PHONE = (1360, 900), (390, 844)


@pytest.fixture(scope="module")
def one_browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.stop()


@pytest.fixture
def browser(one_browser: Browser) -> Iterator[Browser]:
    """A wide light window; whatever a test shows, it violates no policy and no script of it fails."""
    one_browser.window(*DESKTOP)
    one_browser.prefer(color_scheme="light")
    one_browser.open("about:blank")
    yield one_browser
    said = [each for each in one_browser.messages() if "status.json" not in each]
    assert said == []


@pytest.fixture
def site() -> Iterator[ScriptedStatus]:
    site = ScriptedStatus()
    yield site
    site.stop()


@pytest.fixture
def show(browser: Browser, site: ScriptedStatus) -> Callable[[Status], Browser]:
    def show(status: Any) -> Browser:
        site.status = status
        browser.open(site.url)
        browser.wait(lambda: browser.text("#freshness").startswith("Updated"), "updated")
        return browser

    return show


def next_answer(browser: Browser, site: ScriptedStatus) -> None:
    """Until the page has shown an answer to a question that it had not asked yet."""
    # The second question is asked after the answer to the first was shown.
    asked = len(site.questions)
    browser.wait(lambda: len(site.questions) >= asked + 2, "asked twice")


# What it says


def test_a_fresh_gateway_is_well_and_knows_of_no_replay(show):
    page = show(scripted_status.fresh())
    assert page.text("#state") == "Ready. All is well."
    assert page.driver.title == "Ready – audgate"
    assert page.text("#replays .empty") == "No token was presented at another server."
    assert not page.one(".matrix").is_displayed()
    assert page.texts("#routes .route .name")[0] == "https://mcp.example.com/calendar"
    assert page.text("#reload") == "none since the start"
    assert "version 1.0.0" in page.text("#process") and "up 5 s" in page.text("#process")


def test_a_busy_gateway_shows_its_traffic(show):
    page = show(scripted_status.busy())
    assert page.text("#connections .figure") == f"2{THIN}486"
    assert page.text("#connections .note") == f"of 16{THIN}384"
    assert page.text("#streams .figure") == "342"
    assert page.text("#latency .figure") == "53 ms"
    assert page.text("#replay-count .figure") == f"3{THIN}236"
    first = page.texts("#routes tbody:first-of-type .route > *")
    assert first[0] == "https://mcp.example.com/calendar"
    assert first[5] == "no_credentials" and first[8:] == ["840 µs", "2.4 ms"]
    assert page.texts("#issuers tbody tr:first-child > *") == [
        "corp https://corp.example.com",
        "ok",
        "3",
        "3 min 32 s",
    ]
    assert page.text("#hash") == "9f2c41d07be3a856"
    assert page.text("#reload") == "loaded, 2026-07-14T07:25:00Z (2 h 5 min ago)"
    assert page.texts("#listeners li") == ["0.0.0.0:8443, TLS", "127.0.0.1:8080, clear text"]


def test_an_opened_route_shows_reasons_audiences_and_endpoints(show):
    page = show(scripted_status.busy())
    page.all("#routes .opener")[1].click()
    detail = page.text("#routes .detail:not([hidden])")
    for expected in [
        "no_credentials",
        "aud_other_route",
        "https://mcp.example.com/crm",
        "crm:read",
        "crm-2.internal:8443 up",
    ]:
        assert expected in detail
    widths = page.run(
        "return [...document.querySelectorAll('.detail:not([hidden]) .share')].map(each => each.offsetWidth)"
    )
    assert len(widths) == 3 and widths == sorted(widths, reverse=True) and widths[0] > 2 * widths[1] > 0


def test_trouble_is_named_first_and_explained_where_it_is(show):
    page = show(scripted_status.trouble())
    assert page.driver.title == "Trouble – audgate"
    assert page.text("#state .sentence") == "Ready, but not all is well."
    assert page.texts("#state li") == [
        "1 worker of 4 stuck",
        "1 endpoint down",
        "1 endpoint ejected",
        "old keys of issuer corp",
        "no keys of issuer partners",
        "the last reload was refused, the old configuration is active",
    ]
    sections = page.run(
        "return [...document.querySelectorAll('#state a')].every(a => document.querySelector(a.hash))"
    )
    assert sections
    assert (
        page.texts("#endpoints tbody tr:first-child > *")[1] == "down for 3 min 15 s: upstream_connect_failed"
    )
    assert "the certificate has expired" in page.text("#issuers tbody")
    assert page.text("#reload").startswith("refused, ")
    assert "/etc/audgate/gateway.json:9:5" in page.text("#problems")
    assert 'Did you mean "upstream"?' in page.text("#problems")


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"ready": False}, "Not ready to take traffic."),
        ({"ready": False, "draining": True}, "Draining: no new connections are taken."),
        ({"limits": {"connections": 1}, "workers": [{"index": 0, "alive": True, "connections": 1}]}, "connections are near their limit"),
    ],
)  # fmt: skip
def test_the_first_line_says_what_is_the_matter(show, changes, sentence):
    page = show(scripted_status.fresh() | changes)
    assert sentence in page.text("#state")
    assert "All is well" not in page.text("#state")


def test_each_state_has_a_word_and_a_shape_of_its_own(show):
    page = show(scripted_status.trouble())
    shapes = page.run(
        """return [...document.querySelectorAll("#endpoints .state, #issuers .state, #workers .state")].map(each =>
             [each.innerText.split(/[ :]/)[0], each.querySelector("use").getAttribute("href")])"""
    )
    by_word = {word: {shape for other, shape in shapes if other == word} for word, _ in shapes}
    assert by_word == {
        "down": {"#shape-bad"}, "ejected": {"#shape-warning"}, "up": {"#shape-good"}, "stale": {"#shape-warning"},
        "turning": {"#shape-good"}, "stuck": {"#shape-bad"},
    }  # fmt: skip
    drawings = page.run(
        "return [...document.querySelectorAll('symbol')].map(each => each.firstElementChild.outerHTML)"
    )
    assert len(set(drawings)) == len(drawings) == 5


# The replay matrix


def test_the_matrix_has_each_pair_in_its_cell(show):
    status = scripted_status.busy()
    page = show(status)
    head, *rows = page.run(
        "return [...document.querySelector('.matrix').rows].map(r => [...r.cells].map(c => c.textContent))"
    )
    cells = {
        (row[0], column): int(value.replace(THIN, ""))
        for row in rows
        for column, value in zip(head[1:], row[1:], strict=True)
        if value
    }
    start = "https://mcp.example.com"
    assert cells == {
        (each["issued_for"].removeprefix(start), each["presented_at"].removeprefix(start)): each["count"]
        for each in status["replays"]
    }
    assert "All begin with https://mcp.example.com." in page.text(".matrix caption")
    assert re.match(rf"/files → /crm\s+41 s ago\s+1{THIN}204$", page.text("#pairs li:first-child"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_more_tokens_are_further_from_the_ground_in_lightness(show, browser, scheme):
    browser.prefer(color_scheme=scheme)
    page = show(scripted_status.busy())
    shades = page.run(
        LUMINANCE
        + """
        const shades = {};
        for (const cell of document.querySelectorAll(".matrix td[data-level]")) {
          if (cell.textContent) shades[cell.dataset.level] = luminance(parse(getComputedStyle(cell).backgroundColor));
        }
        return [1, 2, 3, 4, 5].map(level => shades[level])"""
    )
    assert None not in shades
    assert shades == sorted(shades, reverse=scheme == "light")
    # Neighbouring steps differ visibly, without any colour.
    assert all(max(a, b) + 0.05 > 1.2 * (min(a, b) + 0.05) for a, b in zip(shades, shades[1:], strict=False))


def test_servers_of_several_hosts_keep_their_names_apart(show):
    status = scripted_status.fresh()
    status["replays"] = [
        scripted_status.replay("https://a.example/x", "https://b.example/x", 2),
        scripted_status.replay("https://b.example", "https://a.example/x", 1),
    ]
    page = show(status)
    assert page.texts(".matrix tbody th") == ["a.example/x", "b.example"]
    assert page.texts(".matrix thead th") == ["a.example/x", "b.example/x"]


def test_a_matrix_that_is_too_large_says_what_is_left_out(show):
    page = show(STATES["large"]() | {"other_replays": 7})
    status = STATES["large"]()
    columns, rows = len(page.all(".matrix thead th")), len(page.all(".matrix tbody tr"))
    assert (columns, rows) == (20, 20)
    shown = page.run(
        "return [...document.querySelectorAll('.matrix tbody td')].reduce((sum, each) => sum + Number(each.textContent.replace(/\\D/g, '')), 0)"
    )
    rest = sum(each["count"] for each in status["replays"]) + 7 - shown
    assert (
        page.text("#matrix-rest").replace(THIN, "")
        == f"{rest} more tokens of pairs that are not in the matrix."
    )
    assert len(page.all("#pairs li")) == 10
    most = sorted((each["count"] for each in status["replays"]), reverse=True)
    assert page.text("#pairs-rest").replace(THIN, "") == f"{sum(most[10:]) + 7} more tokens of other pairs."


def test_headers_of_the_matrix_stay_in_sight(show):
    page = show(STATES["large"]())
    places = """
        const inside = document.querySelector(".scroll").getBoundingClientRect();
        const column = document.querySelector(".matrix thead th:nth-child(3)").getBoundingClientRect();
        const row = document.querySelector(".matrix tbody tr:nth-child(15) th").getBoundingClientRect();
        return [column.top - inside.top, row.left - inside.left]"""
    page.run("document.querySelector('.scroll').scrollTo(200, 200)")
    assert page.run("return document.querySelector('.scroll').scrollTop") > 100
    assert page.run(places) == [0, 0]


# Live


def test_the_page_follows_the_gateway(show, site):
    page = show(scripted_status.busy())
    before = page.texts("#routes tbody:first-of-type .route > *")
    for _ in range(2):
        site.advance(2, allow=400, refuse=20)
        next_answer(page, site)
    site.advance(2, allow=400, refuse=20)
    page.wait(lambda: re.match(r"\d+ /s", page.text("#requests .figure")), "counting")
    page.wait(lambda: float(page.text("#refusals .figure").split()[0]) > 0, "counting refusals")
    after = page.texts("#routes tbody:first-of-type .route > *")
    assert int(after[3].replace(THIN, "")) > int(before[3].replace(THIN, ""))
    assert before[2] == "–" and after[2] != "–"
    assert (
        page.run(
            "return document.querySelector('#requests .curve path').getAttribute('d').split(/[ML]/).length"
        )
        >= 3
    )


def test_nothing_changes_in_the_document_while_nothing_changes(show, site):
    page = show(scripted_status.busy())
    next_answer(page, site)
    page.run(
        """window.changes = [];
        new MutationObserver(records => {
          for (const { target } of records) {
            const element = target.nodeType === 1 ? target : target.parentElement;
            if (!element.closest("#freshness, .curve, .tile .note")) window.changes.push(element.outerHTML.slice(0, 200));
          }
        }).observe(document.documentElement, {subtree: true, childList: true, characterData: true, attributes: true})"""
    )
    next_answer(page, site)
    assert page.run("return window.changes") == []


def test_opened_rows_focus_and_elements_survive_when_routes_change_places(show, site):
    page = show(scripted_status.busy())
    page.run(
        "[...document.querySelectorAll('#routes tbody')].forEach(each => each.mark = each.querySelector('.name').textContent)"
    )
    opener = page.all("#routes .opener")[3]
    opener.click()
    name = opener.text
    status = copy.deepcopy(site.status)
    chosen = next(each for each in status["routes"] if each["resource"] == name)
    chosen["requests"]["allow"] += 5_000_000
    site.status = status
    page.wait(lambda: page.texts("#routes .route .opener")[0] == name, "first")
    assert page.run("return document.activeElement.textContent.trim()") == name
    assert page.one("#routes tbody:first-of-type .detail").is_displayed()
    assert opener.get_attribute("aria-expanded") == "true"
    assert page.run(
        "return [...document.querySelectorAll('#routes tbody')].every(each => each.mark === each.querySelector('.name').textContent)"
    )


def test_counters_that_begin_anew_are_no_traffic(show, site):
    status = scripted_status.busy()
    page = show(status)
    next_answer(page, site)
    for each in (restarted := copy.deepcopy(status))["workers"]:
        each["requests"] = 3
    site.status = restarted | {"pid": 4711}
    page.wait(lambda: page.text("#requests .figure") == "–", "counting anew")
    page.wait(lambda: page.text("#requests .figure") == "0.0 /s", "counting")


def test_a_silent_gateway_is_said_to_be_silent_and_asked_less_often(show, site):
    page = show(scripted_status.busy())
    site.status = None
    page.wait(lambda: page.text("#state .sentence") == "The gateway does not answer.", "noticed")
    assert page.text("#freshness").startswith("Stale since ")
    assert page.driver.title == "No answer – audgate"
    assert page.text("#connections .figure") == f"2{THIN}486"
    moments = [time.monotonic()]
    for _ in range(2):
        asked = len(site.questions)
        page.wait(lambda asked=asked: len(site.questions) > asked, "asked again", within=20)
        moments.append(time.monotonic())
    # Eight seconds after the second failure in a row, less what this process may have stood still; two are the rule.
    assert moments[2] - moments[1] > 5.5
    site.status = scripted_status.busy()
    page.wait(lambda: page.text("#state") == "Ready. All is well.", "well again", within=25)
    assert page.text("#freshness").startswith("Updated at ")


def test_a_refusal_is_named(show, site):
    page = show(scripted_status.fresh())
    site.code = 401
    page.wait(lambda: page.text("#state .sentence") == "The gateway answers with status 401.", "noticed")


def test_a_hidden_page_asks_nothing(show, site):
    page = show(scripted_status.fresh())
    window = page.driver.current_window_handle
    page.run(
        """Object.defineProperty(document, "hidden", {configurable: true, get: () => window.isHidden});
        window.isHidden = true;
        document.dispatchEvent(new Event("visibilitychange"))"""
    )
    asked = len(site.questions)
    # Another page of the same kind is the clock: in its time to ask thrice, this one asks nothing.
    other = ScriptedStatus()
    try:
        page.driver.switch_to.new_window("window")
        page.driver.get(other.url)
        page.wait(lambda: len(other.questions) >= 3, "asked thrice")
        page.driver.close()
    finally:
        page.driver.switch_to.window(window)
        other.stop()
    assert len(site.questions) == asked
    # Without timers it asks at once or never.
    page.run(
        """window.setTimeout = () => 0;
        window.isHidden = false;
        document.dispatchEvent(new Event("visibilitychange"))"""
    )
    page.wait(lambda: len(site.questions) > asked, "asked at once")


def test_a_paused_page_stays_as_it_is(show, site):
    page = show(scripted_status.fresh())
    page.one("#pause").click()
    assert page.text("#freshness").startswith("Paused at ")
    assert page.one("#pause").get_attribute("aria-pressed") == "true"
    site.status = scripted_status.trouble()
    with pytest.raises(Exception, match="not asked"):
        asked = len(site.questions)
        page.wait(lambda: len(site.questions) > asked, "asked", within=4)
    page.one("#pause").click()
    page.wait(lambda: "not all is well" in page.text("#state"), "followed")


# Many routes


def test_ten_thousand_routes_are_ordered_filtered_and_turned_over(show, site):
    status = scripted_status.large()
    page = show(status)
    resources = lambda: page.texts("#routes .route .opener .name")  # noqa: E731
    ordered = lambda key: [each["resource"] for each in sorted(status["routes"], key=key)]  # noqa: E731
    by_traffic = ordered(lambda each: (-sum(each["requests"].values()), each["resource"]))
    assert resources() == by_traffic[:50]
    assert page.text("#page") == f"1–50 of 10{THIN}000 routes"
    page.one("#next").click()
    page.wait(lambda: resources() == by_traffic[50:100], "the second page")
    assert page.text("#page") == f"51–100 of 10{THIN}000 routes"

    page.one("[data-order=refused] button").click()
    by_refusals = ordered(lambda each: (-each["requests"]["refuse"], each["resource"]))
    page.wait(lambda: resources() == by_refusals[:50], "by refusals")
    assert page.one("[data-order=refused]").get_attribute("aria-sort") == "descending"
    assert page.one("[data-order=traffic]").get_attribute("aria-sort") == "none"
    assert page.one("#sort").get_attribute("value") == "refused"

    page.one("#filter").send_keys("SERVERS/0123")
    page.wait(lambda: page.text("#page") == "1–10 of 10 routes", "filtered")
    assert sorted(resources()) == [f"https://mcp.example.com/servers/0123{digit}" for digit in range(10)]
    page.one("#filter").send_keys(" & nothing")
    page.wait(
        lambda: page.text("#routes .empty") == "No route has “SERVERS/0123 & nothing” in its resource.",
        "empty",
    )
    assert page.one("#next").get_property("disabled") and page.one("#previous").get_property("disabled")
    assert site.questions[-1] == {
        "routes": "50",
        "offset": "0",
        "sort": "refused",
        "filter": "SERVERS/0123 & nothing",
    }


def test_a_page_of_routes_that_is_gone_gives_way_to_the_first(show, site):
    page = show(scripted_status.large(1_000))
    page.one("#next").click()
    page.wait(lambda: page.text("#page").startswith("51–100"), "the second page")
    site.status = scripted_status.busy()
    page.wait(lambda: page.text("#page") == "1–12 of 12 routes", "the first page")
    assert len(page.all("#routes .route")) == 12


def test_what_the_gateway_answers_by_itself_is_no_refusal(show):
    status = scripted_status.busy()
    status["routes"][0]["reasons"] = {"metadata": 900, "expired": 2}
    page = show(status)
    assert page.texts("#routes tbody:first-of-type .route > *")[5] == "expired"


def test_what_was_typed_is_not_overtaken_by_an_earlier_answer(show, site):
    page = show(scripted_status.large(1_000))
    page.one("#filter").send_keys("00007")
    page.one("#sort").send_keys("resource")
    page.wait(
        lambda: page.texts("#routes .route .opener .name") == ["https://mcp.example.com/servers/00007"],
        "filtered",
    )
    assert site.questions[-1]["sort"] == "name"
    next_answer(page, site)
    assert page.one("#filter").get_attribute("value") == "00007"
    assert len(page.all("#routes .route")) == 1


# Names of others

MARKUP = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>&amp;\u202e\'"`${1}'


def hostile(value: Any) -> Any:
    """The same with markup in every text but those that are read by machines."""
    if isinstance(value, dict):
        kept = {"time", "started", "loaded", "last", "since"}
        return {name: each if name in kept else hostile(each) for name, each in value.items()}
    if isinstance(value, list):
        return [hostile(each) for each in value]
    return value + MARKUP if isinstance(value, str) else value


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_markup_in_names_is_text(show, site, browser, size):
    browser.window(*size)
    status = hostile(scripted_status.trouble())
    status["configuration"]["last_reload"]["outcome"] = "refused"
    status["issuers"][1]["state"] = "down"
    status["routes"][0]["reasons"] = {MARKUP: 3, "__proto__": 2, "x" * 5_000: 1}
    status["issuers"][0]["problem"] = "x" * 5_000
    page = show(status)
    page.one("#routes .opener").click()
    next_answer(page, site)
    assert page.run("return window.hacked") is None
    assert page.run("return document.querySelectorAll('img, main script, body script').length") == 0
    for place in [
        "#state",
        "#routes .opener",
        "#routes .detail",
        "#endpoints",
        "#issuers",
        "#configuration",
        "#pairs",
    ]:
        # What would turn the direction of the rest is shown as something odd.
        assert MARKUP.replace("\u202e", "\ufffd") in page.run(
            "return document.querySelector(arguments[0]).textContent", place
        ), place
    assert_no_sideways_scroll(page)


@pytest.mark.parametrize(
    "status",
    [
        {},
        [],
        {"routes": None, "workers": 3, "replays": {}, "issuers": "no", "configuration": 1, "logs": 3},
        {"routes": [{"resource": "https://a.example"}, {}, {"resource": 4}], "endpoints": [{}], "issuers": [{}], "replays": [{}], "workers": [{}]},
        {"route_total": "many", "routes": [{"resource": "https://a.example", "requests": {"allow": "x"}, "reasons": [], "latency_us": 7}]},
    ],
    ids=["empty", "list", "wrong types", "empty members", "wrong numbers"],
)  # fmt: skip
def test_what_is_missing_is_not_missed(show, status):
    page = show(status)
    assert "Not ready" in page.text("#state")
    assert not any(word in page.text("body") for word in ["undefined", "NaN", "null", "[object"])


# For everybody


def assert_no_sideways_scroll(page: Browser) -> None:
    width, inner = page.run(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert width <= inner


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("width", [320, 390, 700, 900, 1360])
def test_a_page_never_scrolls_sideways(show, browser, state, width):
    browser.window(width, 844, isMobile=width < 500)
    page = show(STATES[state]())
    page.one("#routes .opener").click()
    assert_no_sideways_scroll(page)


def test_on_a_phone_the_matrix_is_a_list_and_rows_are_cards(show, browser):
    browser.window(*PHONE, isMobile=True)
    page = show(scripted_status.busy())
    assert not page.one(".matrix").is_displayed()
    assert page.text("#pairs li:first-child").startswith("/files → /crm")
    labels = page.run(
        "return [...document.querySelectorAll('#routes tbody:first-of-type td')].filter(each => each.offsetWidth)"
        ".map(each => getComputedStyle(each, '::before').content)"
    )
    assert labels == ['"Per second"', '"Requests"', '"Refused"', '"p99"']
    assert all(each.size["height"] >= 44 for each in page.all("#routes .opener, #pause, #filter, #sort"))


LUMINANCE = """
    const parse = text => text.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map(each => each / 255)
      .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
      .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
    const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
"""
CONTRAST = (
    LUMINANCE
    + """
    const ground = element => {
      for (let each = element; each; each = each.parentElement) {
        const [r, g, b, alpha = 1] = parse(getComputedStyle(each).backgroundColor);
        if (alpha === 1) return [r, g, b];
        if (alpha > 0) throw new Error("a translucent ground");
      }
      return [255, 255, 255];
    };
    const findings = [];
    let texts = 0;
    const judge = (element, style, text) => {
      const size = parseFloat(style.fontSize);
      const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
      const found = ratio(luminance(parse(style.color)), luminance(ground(element)));
      texts += 1;
      if (found < needed) findings.push(`${found.toFixed(2)} < ${needed}: ${text.slice(0, 40)}`);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !element.getClientRects().length || element.closest(".unseen, :disabled, noscript")) continue;
      judge(element, getComputedStyle(element), walker.currentNode.data);
      const before = getComputedStyle(element, "::before");
      if (before.content.startsWith('"')) judge(element, before, before.content);
    }
    // What is drawn rather than written needs 3.
    for (const element of document.querySelectorAll("main .state > .shape, #state > .shape, .share, .curve path, input, select, button:not(.opener):enabled")) {
      if (!element.getClientRects().length) continue;
      const style = getComputedStyle(element);
      if (element.matches("input, select, button") && !parseFloat(style.borderTopWidth)) continue;
      const colour = element.matches("path") ? style.stroke : element.matches("svg") ? style.fill
        : element.matches(".share") ? style.backgroundColor : style.borderTopColor;
      const found = ratio(luminance(parse(colour)), luminance(ground(element.matches("path") ? element.closest("div") : element.parentElement)));
      if (found < 3) findings.push(`${found.toFixed(2)} < 3: ${element.outerHTML.slice(0, 80)}`);
    }
    return [texts, findings];
"""
)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["busy", "trouble"])
def test_everything_can_be_read(show, browser, scheme, state, size):
    browser.window(*size)
    browser.prefer(color_scheme=scheme)
    page = show(STATES[state]())
    page.one("#routes .opener").click()
    texts, findings = page.run(CONTRAST)
    assert texts > 150
    assert findings == []
    dark = page.run(
        LUMINANCE + "return luminance(parse(getComputedStyle(document.body).backgroundColor)) < 0.1"
    )
    assert dark == (scheme == "dark")


def test_the_page_is_used_without_a_mouse(show, site):
    page = show(scripted_status.busy())

    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.press(Keys.TAB)
            if page.run("return document.activeElement.matches(arguments[0])", selector):
                style = page.run(
                    "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]"
                )
                assert style == ["solid", "2px"], f"the focus is not seen on {selector}"
                return
        raise AssertionError(f"no way by Tab to {selector}")

    tab_to("#pause")
    tab_to(".scroll")
    tab_to("#filter")
    page.press("mcp")
    tab_to("#sort")
    tab_to("[data-order=refused] button")
    page.press(Keys.ENTER)
    page.wait(
        lambda: site.questions[-1]["sort"] == "refused" and site.questions[-1]["filter"] == "mcp", "ordered"
    )
    tab_to(".opener")
    page.press(Keys.ENTER)
    assert page.one("#routes .detail").is_displayed()
    page.press(Keys.SPACE)
    assert not page.one("#routes .detail").is_displayed()
    tab_to("#more-endpoints")
    page.press(Keys.ENTER)
    page.wait(lambda: len(page.all("#endpoints tbody tr")) == 24, "all endpoints")


def test_the_page_is_read_out_in_order(show):
    page = show(scripted_status.trouble())
    assert page.one("html").get_attribute("lang") == "en"
    assert [
        each for each in page.run("return [...document.querySelectorAll('h1,h2,h3')].map(e => e.tagName)")
    ][0] == "H1"
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("body > header")) == 1
    # The state alone is read out when it changes.
    live = page.run(
        "return [...document.querySelectorAll('[aria-live], [role=status], [role=alert]')].map(e => e.id)"
    )
    assert live == ["state"]
    unnamed = page.run(
        """return [...document.querySelectorAll("table")].filter(each => !each.caption?.textContent.trim()
             || [...each.querySelectorAll("th")].some(header => !header.scope)).length"""
    )
    assert unnamed == 0
    # As the browser tells others: each section, table and control has a name.
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    asked = {"region", "table", "button", "searchbox", "combobox", "navigation"}
    nodes = [each for each in tree if not each.get("ignored") and each["role"]["value"] in asked]
    assert {each["role"]["value"] for each in nodes} >= asked - {"combobox"}
    assert [each for each in nodes if not each.get("name", {}).get("value")] == []


def test_nothing_moves_for_those_who_want_it_still(show, browser):
    browser.prefer(color_scheme="light", reduced_motion="reduce")
    page = show(scripted_status.busy())
    moving = page.run(
        """return [...document.querySelectorAll("*")].filter(each => {
             const style = getComputedStyle(each);
             return style.transitionDuration !== "0s" || style.animationName !== "none" || style.scrollBehavior === "smooth";
           }).length"""
    )
    assert moving == 0


# The instruments


def test_a_violated_policy_is_noticed(one_browser, site):
    one_browser.open(site.url)
    one_browser.run("document.body.setAttribute('style', 'color: red')")
    assert any("Content Security Policy" in each for each in one_browser.messages())


def test_a_page_that_cannot_be_read_is_noticed(show):
    page = show(scripted_status.busy())
    page.run("document.querySelector('.sentence').style.setProperty('color', '#ccc')")
    assert any("Ready. All is well." in each for each in page.run(CONTRAST)[1])


# The gateway itself


def test_the_gateway_serves_the_page_and_what_it_shows(browser, over):
    single = over("http1")
    admin = f"127.0.0.1:{free_port()}"
    configuration = single.configuration(admin={"address": admin})
    other = single.at("/other")
    configuration["routes"].append({**configuration["routes"][0], "resource": other})
    gateway = single.start(configuration)

    def ask(path: str, token: str | None) -> int:
        headers = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
        headers += [("Authorization", f"Bearer {token}")] if token else []
        body = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
        return gateway.exchange(raw_http.request("POST", path, single.host, headers, body), "POST").status

    assert ask("/mcp", single.token()) == 200
    assert [ask("/other", single.token()) for _ in range(3)] == [401] * 3

    host, port = admin.split(":")
    answer = gateway.exchange(raw_http.request("GET", "/", admin), address=(host, int(port)))
    policies = [value for name, value in answer.headers if name.lower() == "content-security-policy"]
    assert policies == [POLICY]

    browser.open(f"http://{admin}/")
    browser.wait(lambda: browser.text("#state") == "Ready. All is well.", "well")
    assert browser.texts(".matrix tbody th") == ["/mcp"] and browser.texts(".matrix thead th") == ["/other"]
    assert browser.texts(".matrix tbody td") == ["3"]
    rows = {
        row[0]: row
        for row in browser.run(
            "return [...document.querySelectorAll('.route')].map(r => [...r.cells].map(c => c.innerText.trim()))"
        )
    }
    assert rows[single.resource][3] == "1" and rows[other][3:6] == ["3", "3", "aud_other_route"]
    asked = lambda: int(browser.texts("#routes .route td:nth-child(4)")[0])  # noqa: E731
    assert ask("/other", None) == 401
    browser.wait(lambda: asked() == 4, "followed")
