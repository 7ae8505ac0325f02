"""Manifests for Kubernetes: what kustomize makes, what the API's schemas say, and finding one's way in them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

Manifest = dict[str, Any]

# Of the ServiceMonitor what is used here, as the operator's CRD has it.
SELECTOR = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
SECRET_KEY = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "key": {"type": "string"}},
    "required": ["name", "key"],
    "additionalProperties": False,
}
SERVICE_MONITOR = {
    "type": "object",
    "properties": {
        "apiVersion": {"const": "monitoring.coreos.com/v1"},
        "kind": {"const": "ServiceMonitor"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "properties": {
                "selector": {
                    "type": "object",
                    "properties": {"matchLabels": SELECTOR},
                    "additionalProperties": False,
                },
                "endpoints": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "properties": {
                            "port": {"type": "string"},
                            "path": {"type": "string"},
                            "scheme": {"enum": ["http", "https"]},
                            "interval": {"type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"},
                            "authorization": {
                                "type": "object",
                                "properties": {"type": {"type": "string"}, "credentials": SECRET_KEY},
                                "additionalProperties": False,
                            },
                        },
                        "additionalProperties": False,
                    },
                },
            },
            "required": ["selector", "endpoints"],
            "additionalProperties": False,
        },
    },
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
}


def read(path: Path) -> list[Manifest]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def kustomized(folder: Path) -> list[Manifest]:
    """What an overlay comes to."""
    for command in (["kubectl", "kustomize"], ["kustomize", "build"]):
        if shutil.which(command[0]):
            result = subprocess.run([*command, folder], capture_output=True, text=True)
            assert result.returncode == 0, result.stderr
            return list(yaml.safe_load_all(result.stdout))
    pytest.skip("kustomize is not installed, nor is kubectl, which has it")


def validate(document: Manifest, version: str) -> None:
    """Raises for what the API of that version would not take."""
    if document["kind"] == "ServiceMonitor":
        jsonschema.validate(document, SERVICE_MONITOR)
    else:
        kubernetes_validate.validate(document, version, strict=True)


class Manifests:
    """Those of one installation."""

    def __init__(self, documents: list[Manifest]):
        self.documents = documents

    def only(self, kind: str, name: str = "audgate") -> Manifest:
        (found,) = [
            each for each in self.documents if (each["kind"], each["metadata"]["name"]) == (kind, name)
        ]
        return found

    @property
    def pod(self) -> Manifest:
        return self.only("Deployment")["spec"]["template"]

    @property
    def container(self) -> Manifest:
        (container,) = self.pod["spec"]["containers"]
        return container

    @property
    def ports(self) -> dict[str, int]:
        return {each["name"]: each["containerPort"] for each in self.container["ports"]}
