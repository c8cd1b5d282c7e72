"""A suite in a bucket, fetched from a real S3 server in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from imagora_evals.fetching import Unfetched
from imagora_evals.suites import find_suite

boto3 = pytest.importorskip("boto3", reason="needs the test group: moto[server]")
pytest.importorskip("s3fs", reason="needs the extra: pip install 'imagora[s3]'")

KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "not a secret", "AWS_DEFAULT_REGION": "us-east-1"}


def test_a_suite_in_a_bucket_is_asked_as_one_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path))
        client = boto3.client("s3")
        client.create_bucket(Bucket="evals")
        for name, body in {
            "suite.yaml": "suite: 1\ncorpus: {use: folder, path: corpus}\n",
            "queries.jsonl": '{"id": "1", "text": "a note"}',
            "qrels": "1 0 note.txt 1",
            "corpus/note.txt": "A note.",
        }.items():
            client.put_object(Bucket="evals", Key=f"shop/{name}", Body=body.encode())
        suite = find_suite("s3://evals/shop")
        assert suite.relevant("1") == {"note.txt": 1}
        assert (suite.folder / "corpus" / "note.txt").read_text() == "A note."
        with pytest.raises(Unfetched, match="the suite 's3://nowhere/shop' cannot be fetched"):
            find_suite("s3://nowhere/shop")
    finally:
        moto.stop()
