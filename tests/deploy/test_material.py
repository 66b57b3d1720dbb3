"""The material to deploy with names what exists: commands, options, settings, extras, routes, metrics and labels."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from gunicorn.config import Config
from prometheus_client.parser import text_string_to_metric_families

import licensechain_hooks
from licensechain_hooks.cli import main
from licensechain_hooks.testing import deliver, make_event

pytestmark = pytest.mark.usefixtures("patient_health")
ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(licensechain_hooks.__file__).parent
METRIC = re.compile(r"\blicensechain_hooks_\w+")


def check_command(words: list[str]) -> None:
    """Fail where a command line of ours or of gunicorn's names something that is not there."""
    program, *arguments = words
    if program.endswith("gunicorn"):
        Config().parser().parse_args(arguments)
        return
    assert Path(program).name == "licensechain-hooks", program
    command: click.Command = main
    while isinstance(command, click.Group):
        name, *arguments = arguments
        context = click.Context(command)
        command = command.get_command(context, name)
        assert command is not None, f"there is no {name}"
    command.make_parser(click.Context(command)).parse_args(list(arguments))  # raises for an unknown option
    assert "app:app" in arguments


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("licensechain-hooks worker --app app:app --speed 8", click.NoSuchOption),
        ("licensechain-hooks work --app app:app", AssertionError),
        ("gunicorn --threats 8 app:app", SystemExit),
    ],
)
def test_a_wrong_command_is_noticed(words, error):
    """What checks commands below finds one that is misspelled."""
    with pytest.raises(error):
        check_command(words.split())


# systemd


def units(deploy: Path) -> list[Path]:
    return sorted((deploy / "systemd").iterdir())


def read_unit(path: Path) -> ConfigParser:
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    return unit


def test_units_start_what_exists(deploy):
    """Each service starts a command with options that exist, as a user who is not root."""
    services = [path for path in units(deploy) if path.suffix == ".service"]
    assert [path.stem for path in services] == ["licensechain-purge", "licensechain-web", "licensechain-worker"]
    for path in services:
        service = read_unit(path)["Service"]
        check_command(shlex.split(service["ExecStart"]))
        assert service["User"] not in {"", "root"}


def test_a_stop_is_longer_than_the_grace(deploy):
    """Nothing is killed while it may still come to its end: systemd and Kubernetes wait longer than the worker's grace."""
    grace = licensechain_hooks.WorkerSettings().grace.total_seconds()
    service = read_unit(deploy / "systemd" / "licensechain-worker.service")["Service"]
    assert float(service["TimeoutStopSec"]) > grace
    worker = next(each for each in documents(deploy) if each["metadata"]["name"] == "licensechain-worker")
    assert worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > grace
    compose = yaml.safe_load((deploy / "docker" / "compose.yaml").read_text())
    assert float(compose["services"]["worker"]["stop_grace_period"].removesuffix("s")) > grace


def test_systemd_accepts_the_units(deploy, tmp_path):
    """systemd itself has nothing to say against the units."""
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd-analyze here; the units are read by the tests beside this one")
    scripts = sysconfig.get_path("scripts")
    for path in units(deploy):
        text = path.read_text().replace("/srv/shop/.venv/bin", scripts).replace("=/srv/shop", f"={tmp_path}")
        (tmp_path / path.name).write_text(
            text.replace("User=shop", "User=daemon").replace("Group=shop", "Group=daemon")
        )
    names = [str(tmp_path / path.name) for path in units(deploy)]
    ran = subprocess.run(
        [verify, "verify", "--man=no", *names], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [line for line in ran.stderr.splitlines() if "licensechain" in line]
    assert complaints == []


# Docker


def test_the_image_runs_as_nobody_in_particular(deploy):
    """The last user of the image is not root, and its command and health check exist."""
    lines = re.sub(r"\\\n\s*", "", (deploy / "docker" / "Dockerfile").read_text()).splitlines()
    instructions = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    users = [given for name, _, given in instructions if name == "USER"]
    (command,) = (json.loads(given) for name, _, given in instructions if name == "CMD")
    assert users[-1].split(":")[0].isdigit()
    assert users[-1].split(":")[0] != "0"
    check_command(command)


def extras_named(text: str) -> set[str]:
    return {extra for found in re.findall(r"licensechain-hooks\[([\w,-]+)\]", text) for extra in found.split(",")}


def test_every_extra_exists(deploy):
    """What is installed is there to be installed, in the examples as well."""
    import tomllib

    known = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    texts = [
        path.read_text() for path in (deploy / "docker" / "Dockerfile", *ROOT.glob("example_projects/*/README.md"))
    ]
    named = set().union(*map(extras_named, texts))
    assert named
    assert named - known == set()


def test_compose(deploy):
    """Web, worker, tables and database; each command exists, and each waits for what it needs."""
    compose = yaml.safe_load((deploy / "docker" / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"database", "migrate", "web", "worker"}
    for service in services.values():
        if "command" in service:
            check_command(service["command"])
        assert set(service.get("depends_on", {})) <= set(services)
    context = deploy / "docker" / services["web"]["build"]["context"]
    assert (context / "app.py").exists()
    assert (context / services["web"]["build"]["dockerfile"]).resolve() == deploy / "docker" / "Dockerfile"


# Kubernetes


def documents(deploy: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((deploy / "kubernetes" / "licensechain.yaml").read_text()))


def pods(deploy: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the specification of each kind of pod."""
    for document in documents(deploy):
        spec = document["spec"]
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield document["metadata"]["name"], spec["template"]


def test_manifests_start_what_exists(deploy):
    """Each container's command exists, runs as a user who is not root, and gets its secrets from a Secret."""
    seen = []
    for name, pod in pods(deploy):
        seen.append(name)
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            if "command" in container:
                check_command(container["command"])
            assert container["envFrom"] == [{"secretRef": {"name": "licensechain"}}]
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes
            assert container["securityContext"]["readOnlyRootFilesystem"]
    assert seen == ["licensechain-migrate", "licensechain-web", "licensechain-worker", "licensechain-purge"]


def test_selectors_find_their_pods(deploy):
    """A deployment owns its pods, and the service leads to those of the web."""
    labels = {name: pod.get("metadata", {}).get("labels") for name, pod in pods(deploy)}
    for document in documents(deploy):
        selector = document["spec"].get("selector")
        if selector is not None:
            assert labels[document["metadata"]["name"]] == selector.get("matchLabels", selector)


def test_probes_ask_routes_that_exist(deploy, shop):
    """Every probe asks a port that is there and a route of the application's that answers 200."""
    client = shop.test_client()
    pod = dict(pods(deploy))["licensechain-web"]
    (container,) = pod["spec"]["containers"]
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    asked = {}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container[kind]["httpGet"]
        assert probe["port"] in ports
        asked[kind] = client.get(probe["path"]).json
    assert asked == {
        "startupProbe": {"status": "live"},
        "livenessProbe": {"status": "live"},
        "readinessProbe": {"status": "ready"},
    }
    annotations = pod["metadata"]["annotations"]
    assert client.get(annotations["prometheus.io/path"]).status_code == 200
    assert annotations["prometheus.io/port"] in ports.values()


# Settings


def test_every_setting_exists(deploy):
    """A variable of the environment that the material names is read by the package or by the application."""
    sources = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    sources += "".join(path.read_text() for path in (ROOT / "example_projects" / "flask_app").glob("*.py"))
    files = [path for folder in ("systemd", "docker", "kubernetes", "nginx") for path in (deploy / folder).iterdir()]
    named = {name for path in files for name in re.findall(r"\b(?:LICENSECHAIN|SHOP)_[A-Z_]+\b", path.read_text())}
    assert {"LICENSECHAIN_WEBHOOK_SECRET", "SHOP_DATABASE"} <= named
    assert {name for name in named if name not in sources} == set()


# Prometheus and Grafana


@pytest.fixture(scope="module")
def exposed(shop) -> dict[str, set[str]]:
    """The labels of every sample that Prometheus is told of, by the sample's name."""
    client = shop.test_client()
    event = make_event("license.created")
    assert deliver(client, event).status_code == 200
    assert deliver(client, event, tamper="body").status_code == 401
    receiver = shop.extensions["licensechain_hooks"]
    receiver.stop()
    receiver.worker.drain()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions(deploy: Path) -> dict[str, str]:
    """Every expression of the alerts and the dashboard, by what it is for."""
    rules = yaml.safe_load((deploy / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
    dashboard = json.loads((deploy / "grafana" / "dashboard.json").read_text())
    panels = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    return {rule["alert"]: rule["expr"] for rule in rules} | panels


def test_every_metric_and_label_is_exposed(deploy, exposed):
    """Alerts and dashboard ask for metrics, and by labels, that the application exposes."""
    asked = expressions(deploy)
    assert len(asked) > 20
    for name, expression in asked.items():
        metrics = METRIC.findall(expression)
        assert metrics, name
        assert set(metrics) <= set(exposed), name
        labels = set().union(*(exposed[metric] for metric in metrics))
        by = {label.strip() for group in re.findall(r"by \(([\w, ]+)\)", expression) for label in group.split(",")}
        chosen = set(re.findall(r"(\w+)=~?\"", expression))
        assert by | chosen <= labels, name
        assert expression.count("(") == expression.count(")"), name


def test_every_chosen_value_is_in_the_vocabulary(deploy):
    """An outcome, a state or a reason that an alert chooses is one there is."""
    from typing import get_args

    from licensechain_hooks import ATTEMPT_STATES, OUTCOMES
    from licensechain_hooks._entries import ENTRY_STATES
    from licensechain_hooks.exceptions import VerificationReason

    known = {
        "outcome": set(OUTCOMES),
        "state": {*ATTEMPT_STATES, *ENTRY_STATES},
        "reason": set(get_args(VerificationReason)),
    }
    chosen = [
        (label, value)
        for expression in expressions(deploy).values()
        for label, values in re.findall(r'(outcome|state|reason)=~?"([^"]+)"', expression)
        for value in values.split("|")
    ]
    assert len(chosen) > 5
    assert [pair for pair in chosen if pair[1] not in known[pair[0]]] == []


def test_alerts_say_what_to_do(deploy):
    """Each alert has a name of its own, a severity, a summary and a description; a command that one names exists."""
    rules = yaml.safe_load((deploy / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "description"}
        for command in re.findall(r"`licensechain-hooks ([^`]+)`", rule["annotations"]["description"]):
            found: Any = main
            words = command.split()
            while words and isinstance(found, click.Group):
                found = found.get_command(click.Context(found), words.pop(0))
            assert found is not None, command
            found.make_parser(click.Context(found)).parse_args(words)


def test_prometheus_accepts_the_alerts(deploy):
    """Prometheus itself reads the rules."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here; the tests beside this one read the rules")
    command = [promtool, "check", "rules", str(deploy / "prometheus" / "alerts.yaml")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_dashboard_stands(deploy):
    """Panels have ids and places of their own, none reaches over the edge, and all ask the chosen data source."""
    dashboard = json.loads((deploy / "grafana" / "dashboard.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["datasource"]["uid"] == "${source}"
    assert max(x for x, _ in taken) == 23
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) - {"__rate_interval"}
    assert used == variables


# Completions


def test_completions_are_what_click_generates():
    """The files are those of the click that is installed here."""
    command = [sys.executable, ROOT / "tools" / "generate_completions.py", "--check"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("licensechain-hooks wor", {"worker"}),
        ("licensechain-hooks inbox pur", {"purge"}),
        ("licensechain-hooks worker --conc", {"--concurrency"}),
    ],
)
def test_bash_completes_with_it(deploy, line, expected):
    """bash, with the file read, completes commands and options."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    words = line.split()
    script = f"""
        source {deploy}/completions/licensechain-hooks.bash
        COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}
        _licensechain_hooks_completion licensechain-hooks
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {"PATH": f"{sysconfig.get_path('scripts')}:/usr/bin:/bin"}
    ran = subprocess.run([bash, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert set(ran.stdout.split()) == expected, ran.stderr


def test_the_readme_links_to_what_is_there(deploy):
    """Every file and folder that the README names exists."""
    links = re.findall(r"\]\((\S+?)\)", (deploy / "README.md").read_text())
    assert len(links) > 6
    assert [link for link in links if not (deploy / link).exists()] == []
