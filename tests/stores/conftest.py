"""A PostgreSQL server with pgvector, from a wheel, on 127.0.0.1 and in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

PASSWORD = "sesame-opens"  # of a server that lives as long as a test run


@pytest.fixture(scope="session")
def pgvector_url() -> Iterator[str]:
    """Give the address of a database with pgvector, on a server that is started for these tests."""
    spec = find_spec("pgserver")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("there is no 'pgserver', whose wheel has PostgreSQL with pgvector")
    runuser = shutil.which("runuser") if os.geteuid() == 0 else None
    if os.geteuid() == 0 and runuser is None:
        pytest.skip("PostgreSQL does not run as root, and there is no 'runuser' to change to another user")
    user = [runuser, "-u", "nobody", "--"] if runuser else []
    with tempfile.TemporaryDirectory(prefix="imagora-pgvector-") as name:
        folder = Path(name)
        # A copy, since another user may not be able to read the environment that the wheel is in.
        wheel = Path(spec.submodule_search_locations[0])
        shutil.copytree(wheel / "pginstall", folder / "wheel" / "pgserver" / "pginstall", symlinks=True)
        shutil.copytree(wheel.with_name("pgserver.libs"), folder / "wheel" / "pgserver.libs")
        programs = folder / "wheel" / "pgserver" / "pginstall" / "bin"
        (folder / "password").write_text(PASSWORD)
        for path in (folder, folder / "password"):
            path.chmod(0o755)
            if user:
                shutil.chown(path, "nobody")

        def run(program: str, *arguments: str) -> None:
            command = [*user, str(programs / program), "-D", str(folder / "data"), *arguments]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr + done.stdout

        run(
            "initdb", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N", "-A", "md5", f"--pwfile={folder / 'password'}"
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        said = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        run("pg_ctl", "-o", said, "-l", str(folder / "log"), "-w", "-t", "60", "start")
        try:
            yield f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "-w", "stop")
