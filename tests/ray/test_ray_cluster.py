"""A cluster of the run's own is quiet, is seen by this machine only, and is gone when the run is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from imagora.errors import StageError
from imagora_ray.options import RayOptions
from imagora_ray.runner import RayRunner
from pydantic import ValidationError
from ray_toys import ToyMaker

PROGRAM = """
import json, psutil, threading, ray  # imported first, as somebody who uses it does
from ray_toys import ToyMaker, change
from imagora_ray.options import RayOptions
from imagora_ray.runner import RayRunner

def changes():
    yield [change(0)]
    threading.Event().wait()  # a source that waits for ever

try:
    for group in RayRunner(RayOptions(workers=1)).run(ToyMaker(), changes()):
        if group:
            processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
            heard = {c.laddr.ip for p in processes for c in p.net_connections() if c.status == psutil.CONN_LISTEN}
            print(json.dumps([[p.pid for p in processes], sorted(heard), ray.nodes()[0]["ObjectStoreSocketName"]]))
            print("made", flush=True)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path) -> None:
    home = {**os.environ, "HOME": str(tmp_path)}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], env=home, **options) as process:  # type: ignore[call-overload] # which options these are is read above
        facts = process.stdout.readline()
        assert process.stdout.readline() == "made\n", process.stderr.read()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, errors = process.communicate(timeout=60)
    assert (out, errors, process.returncode) == ("interrupted\n", "", 0)
    pids, heard, store = json.loads(facts)
    assert len(pids) > 4
    assert set(heard) == {"127.0.0.1", "::ffff:127.0.0.1"}
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(left, 20)
    assert not alive, "the run left processes behind"
    assert not Path(store).parents[2].exists(), "the run left its folder behind"
    assert not list(tmp_path.iterdir()), "the run wrote into the user's home"


def test_the_plugin_is_light_and_building_the_engine_starts_nothing() -> None:
    program = (
        "import sys; from imagora.catalog import installed_catalog\n"
        "from imagora.component import BuildContext\n"
        "component = installed_catalog().get('engine', 'ray').component\n"
        "component.build(component.options(), BuildContext('r'))\n"
        "print({'ray', 'pyarrow', 'numpy', 'llama_index'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("set()\n", "")


def test_an_address_where_nobody_listens_is_said_at_once() -> None:
    with pytest.raises(StageError, match="no cluster answers at '127.0.0.1:1' .*'ray start --head'"):
        next(RayRunner(RayOptions(address="127.0.0.1:1")).run(ToyMaker(), []))


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "user:word@head:6379", "http://head:6379"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="HOST:"):
        RayOptions(address=address)


@pytest.mark.usefixtures("cluster")
def test_workers_that_fit_on_no_machine_are_not_waited_for() -> None:
    with pytest.raises(StageError, match="no machine of the ray cluster has 64 cores and 0 graphics cards"):
        next(RayRunner(RayOptions(cpus=64)).run(ToyMaker(), []))
