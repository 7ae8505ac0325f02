"""The manifests for Kubernetes: against the API's schemas, and against each other and the gateway.

The base is read as it is written; the overlay is what kustomize makes of it.
"""

import json
import re
import secrets
import shutil

import jsonschema
import kubernetes_validate
import pytest
import yaml

from harness.gateway import REPOSITORY, run
from harness.kubernetes import Manifests, kustomized, read, validate

FOLDER = REPOSITORY / "deploy/kubernetes"
EXAMPLE = FOLDER / "overlays/example"
# The oldest that is cared for, and the newest that has a schema.
VERSIONS = ["1.30", "1.37"]


def base():
    names = yaml.safe_load((FOLDER / "base/kustomization.yaml").read_text())["resources"]
    return [each for name in names for each in read(FOLDER / "base" / name)]


@pytest.fixture(scope="module", params=["base", "example"])
def manifests(request):
    return Manifests(base() if request.param == "base" else kustomized(EXAMPLE))


@pytest.fixture(scope="module")
def example():
    return Manifests(kustomized(EXAMPLE))


def configuration():
    return json.loads((EXAMPLE / "gateway.json").read_text())


# -- The schemas.


@pytest.mark.parametrize("version", VERSIONS)
def test_the_api_knows_every_member(manifests, version):
    for document in manifests.documents:
        validate(document, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_api_knows_the_secrets(version):
    for document in read(EXAMPLE / "secrets.example.yaml"):
        validate(document, version)


def test_a_slip_would_be_noticed():
    deployment = Manifests(base()).only("Deployment")
    deployment["spec"]["template"]["spec"]["terminationGracePeriodSecond"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(deployment, VERSIONS[0])
    (monitor,) = read(EXAMPLE / "service-monitor.yaml")
    monitor["spec"]["endpoints"][0]["pathh"] = "/"
    with pytest.raises(jsonschema.ValidationError):
        validate(monitor, VERSIONS[0])


def test_every_manifest_of_the_base_is_in_use():
    named = yaml.safe_load((FOLDER / "base/kustomization.yaml").read_text())["resources"]
    assert sorted([*named, "kustomization.yaml"]) == sorted(each.name for each in (FOLDER / "base").iterdir())


def test_the_example_has_all_of_the_base_in_one_namespace(example):
    def names(documents):
        return {(each["kind"], each["metadata"]["name"]) for each in documents}

    assert names(base()) <= names(example.documents)
    spaces = {each["metadata"].get("namespace") for each in example.documents if each["kind"] != "Namespace"}
    assert spaces == {example.only("Namespace", "mcp")["metadata"]["name"]}


# -- What names what.


def test_every_selector_selects_the_pods(manifests):
    labels = manifests.pod["metadata"]["labels"].items()
    selectors = [
        manifests.only("Deployment")["spec"]["selector"]["matchLabels"],
        manifests.only("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        manifests.only("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        manifests.only("Service")["spec"]["selector"],
        manifests.only("Service", "audgate-admin")["spec"]["selector"],
        *(
            each["labelSelector"]["matchLabels"]
            for each in manifests.pod["spec"]["topologySpreadConstraints"]
        ),
    ]
    for selector in selectors:
        assert selector and selector.items() <= labels


def test_every_port_that_is_named_is_one_of_the_container(manifests):
    named = [
        each["targetPort"]
        for name in ("audgate", "audgate-admin")
        for each in manifests.only("Service", name)["spec"]["ports"]
    ]
    named += [
        port["port"] for rule in manifests.only("NetworkPolicy")["spec"]["ingress"] for port in rule["ports"]
    ]
    named += [
        manifests.container[f"{each}Probe"]["httpGet"]["port"]
        for each in ("startup", "liveness", "readiness")
    ]
    assert set(named) == set(manifests.ports)


def test_the_autoscaler_scales_the_deployment_and_nothing_else_does(manifests):
    deployment = manifests.only("Deployment")
    target = manifests.only("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": deployment["apiVersion"], "kind": "Deployment", "name": "audgate"}
    assert "replicas" not in deployment["spec"]
    assert "cpu" in manifests.container["resources"]["requests"]


def test_the_pods_may_run_where_the_restricted_standard_is_enforced(manifests):
    pod, container = manifests.pod["spec"], manifests.container
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not any(pod.get(each) for each in ("hostNetwork", "hostPID", "hostIPC"))
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert all("projected" in each for each in pod["volumes"])
    assert pod["automountServiceAccountToken"] is False
    assert manifests.only("ServiceAccount")["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == "audgate"


def test_the_user_is_that_of_the_image(manifests):
    user = re.search(
        r"^USER (\d+):(\d+)$", (REPOSITORY / "deploy/docker/Dockerfile").read_text(), re.MULTILINE
    )
    security = manifests.pod["spec"]["securityContext"]
    assert [security["runAsUser"], security["runAsGroup"]] == [int(each) for each in user.groups()]
    assert security["fsGroup"] == security["runAsGroup"]


def test_the_service_monitor_finds_the_admin_service_and_its_token(example):
    monitor, service = example.only("ServiceMonitor"), example.only("Service", "audgate-admin")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    others = [each for each in example.documents if each["kind"] == "Service" and each is not service]
    for other in others:
        assert not monitor["spec"]["selector"]["matchLabels"].items() <= other["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [each["name"] for each in service["spec"]["ports"]]
    assert endpoint["path"] == "/metrics"
    credentials = endpoint["authorization"]["credentials"]
    assert credentials["key"] in keys_of("Secret", credentials["name"])


def keys_of(kind, name):
    """The members of a secret of the example, or of its ConfigMap."""
    documents = read(EXAMPLE / "secrets.example.yaml")
    documents += kustomized(EXAMPLE)
    (found,) = [each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return {**found.get("data", {}), **found.get("stringData", {})}


# -- What the gateway says of it.


@pytest.fixture
def mounted(example, tmp_path):
    """The folder that the container sees, with the values of the example."""
    (mount,) = example.container["volumeMounts"]
    assert mount["mountPath"] == "/etc/audgate"
    (volume,) = example.pod["spec"]["volumes"]
    assert volume["name"] == mount["name"]
    for source in volume["projected"]["sources"]:
        ((kind, what),) = source.items()
        values = keys_of({"configMap": "ConfigMap", "secret": "Secret"}[kind], what["name"])
        for item in what["items"]:
            path = tmp_path / item["path"]
            path.parent.mkdir(exist_ok=True)
            path.write_text(values[item["key"]])
    return tmp_path


def test_check_accepts_the_configuration_with_real_secrets(mounted, certificates):
    identity = certificates.intermediate.issue("mcp", "mcp.example.com")
    shutil.copy(identity.certificate, mounted / "tls/tls.crt")
    shutil.copy(identity.key, mounted / "tls/tls.key")
    (mounted / "secrets/sessions.key").write_text(secrets.token_urlsafe(48))
    (mounted / "secrets/admin.token").write_text(secrets.token_hex(32))
    result = run("check", "--config", str(mounted / "gateway.json"))
    assert result.returncode == 0, result.stderr


def test_check_refuses_the_placeholders(mounted):
    result = run("check", "--config", str(mounted / "gateway.json"))
    assert result.returncode == 1
    assert "/session_keys/0" in result.stderr and "/listeners/0/tls" in result.stderr


def test_the_ports_are_those_of_the_configuration(manifests):
    (listener,) = configuration()["listeners"]
    assert manifests.ports["https"] == int(listener["address"].rpartition(":")[2])
    assert manifests.ports["admin"] == int(configuration()["admin"]["address"].rpartition(":")[2])


def test_the_probes_ask_what_answers_anybody(manifests):
    paths = {
        name: manifests.container[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "liveness", "readiness")
    }
    assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(s|m)", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def test_a_pod_has_the_time_to_drain(manifests):
    limits = configuration()["limits"]
    delay, timeout = seconds(limits["drain_delay"]), seconds(limits["drain_timeout"])
    assert manifests.pod["spec"]["terminationGracePeriodSeconds"] >= delay + timeout + 5
    probe = manifests.container["readinessProbe"]
    assert delay >= probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]


def test_the_admin_listener_answers_prometheus_which_asks_pods_by_their_addresses():
    # Without `hosts` a listener on every address answers for all of them (test_admin).
    admin = configuration()["admin"]
    assert admin["address"].startswith("0.0.0.0:") and "hosts" not in admin
