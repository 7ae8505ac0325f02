"""Debian's Chromium, driven by its own driver, with what pages say about violations of their policy."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait


class Browser:
    """One window without a screen."""

    def __init__(self) -> None:
        chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
        assert chromium and driver, (
            "no chromium with its driver: install the packages chromium and chromium-driver"
        )
        options = Options()
        options.binary_location = chromium
        # Without the sandbox, because tests may run as root; the pages are our own.
        for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))

    def stop(self) -> None:
        self.driver.quit()

    # What it looks like

    def window(self, width: int, height: int = 1000, scale: float = 1, isMobile: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": isMobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, **features: str) -> None:
        """What the person prefers: `color_scheme="dark"`, `reduced_motion="reduce"`."""
        pairs = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": pairs})

    def screenshot(self, path: Path | str, whole: bool = True) -> None:
        picture = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": whole} | self._clip(whole)
        )
        Path(path).write_bytes(base64.b64decode(picture["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        size = self.run(
            "return [document.documentElement.clientWidth, document.documentElement.scrollHeight]"
        )
        return {"clip": {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}}

    # What is on it

    def open(self, url: str) -> None:
        self.driver.get("about:blank")
        self.messages()
        self.driver.get(url)

    def messages(self) -> list[str]:
        """What the console says since the last time; refused resources and violated policies among it."""
        return [each["message"] for each in self.driver.get_log("browser")]

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", selector)

    def text(self, selector: str) -> str:
        """What a person reads there; texts that are not shown are not read."""
        return self.one(selector).text

    def texts(self, selector: str) -> list[str]:
        # In one question: elements of a living page may go between two.
        return self.run(
            "return [...document.querySelectorAll(arguments[0])].map(each => each.innerText)", selector
        )

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def wait(self, holds: Callable[[], Any], what: str, within: float = 10) -> Any:
        return WebDriverWait(self.driver, within, poll_frequency=0.05).until(lambda _: holds(), f"not {what}")
