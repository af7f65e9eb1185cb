"""Azure Blob Storage against Azurite, Microsoft's emulator. Long: it comes from npm."""

import base64
import hashlib
import hmac
import http.client
import os
import shutil
import socket
import subprocess
import uuid
from email.utils import formatdate

import pytest
from store_conformance import StoreConformance, eventually

from support import PATIENCE, require, skip_or_fail
from zerofleet.run.errors import KeyMissingError, StoreError
from zerofleet.run.object_store import ObjectStore
from zerofleet.run.store import check_exclusive_create

pytestmark = pytest.mark.long
require("obstore")

CONTAINER = "zerofleet-tests"
ACCOUNT = "devstoreaccount1"
# The key that every Azurite has, as its documentation gives it.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def create_container(port):
    """One signed request (Shared Key); False while nobody answers."""
    date, version = formatdate(usegmt=True), "2021-12-02"
    signed = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n"
    signed += f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
    mac = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": date,
        "x-ms-version": version,
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(mac).decode()}",
        "Content-Length": "0",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("PUT", f"/{ACCOUNT}/{CONTAINER}?restype=container", headers=headers)
        answer = connection.getresponse()
    except OSError:
        return False
    assert answer.status == 201, answer.read()
    return True


@pytest.fixture(scope="module")
def port():
    program = shutil.which("azurite-blob")
    if program is None:
        skip_or_fail("azurite-blob is not installed: npm install --global azurite")
    port = free_port()
    options = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    server = subprocess.Popen(
        [program, *options, "--blobHost", "127.0.0.1", "--blobPort", str(port)],
        stdout=subprocess.DEVNULL,
    )
    try:
        assert eventually(lambda: create_container(port), 60 * PATIENCE)
        yield port
    finally:
        server.kill()
        server.wait()


@pytest.fixture(autouse=True)
def environment(port, monkeypatch):
    for name in [n for n in os.environ if n.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    monkeypatch.setenv("AZURE_ENDPOINT", f"http://127.0.0.1:{port}/{ACCOUNT}")
    monkeypatch.setenv("AZURE_ALLOW_HTTP", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def store():
    return ObjectStore(f"az://{CONTAINER}/runs/{uuid.uuid4().hex}")


class TestAzureStore(StoreConformance):
    pass


def test_it_refuses_to_create_what_is_there(store):
    check_exclusive_create(store)


def test_a_large_value_is_sent_whole(store):
    data = os.urandom(12 * 2**20)
    store.put("checkpoints/000001-a/trainer.pt", data)
    assert store.read("checkpoints/000001-a/trainer.pt") == data


def test_no_container():
    store = ObjectStore("az://no-such-container/run")
    for call in (lambda: store.read("a"), lambda: store.put("a", b""), lambda: store.list("data/")):
        with pytest.raises(StoreError, match="there is no bucket no-such-container") as caught:
            call()
        assert not isinstance(caught.value, KeyMissingError)


def test_a_wrong_key(store, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"wrong" * 8).decode())
    with pytest.raises(StoreError, match=r"permission|credentials"):
        ObjectStore(str(store.place)).read("a")
