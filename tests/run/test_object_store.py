"""Object storage against a real HTTP service (moto), whose answers are lost, late or errors."""

import os
import threading
import uuid
from types import SimpleNamespace

import pytest
from store_conformance import StoreConformance

from object_storage import BUCKET, Service
from support import require
from zerofleet.run import object_store
from zerofleet.run.errors import KeyMissingError, StoreError
from zerofleet.run.object_store import ObjectPrefix, ObjectStore
from zerofleet.run.store import check_exclusive_create, iterate, move, patiently

require("obstore")


@pytest.fixture(scope="module")
def service():
    service = Service()
    yield service
    service.stop()


@pytest.fixture(autouse=True)
def environment(service, monkeypatch):
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", "/nonexistent")  # no ~/.aws of the person who runs the tests
    service.faults.always(0)


@pytest.fixture
def url():
    return f"s3://{BUCKET}/runs/{uuid.uuid4().hex}"


@pytest.fixture
def store(url):
    return ObjectStore(url)


class TestObjectStore(StoreConformance):
    pass


class TestWithFaults(StoreConformance):
    """Every fourth request is refused, or done and its answer lost."""

    @pytest.fixture
    def store(self, url, service, monkeypatch):
        monkeypatch.setattr(object_store, "FIRST_PAUSE_SECONDS", 0.005)
        service.faults.always(0.25, "500", "503", "lost")
        yield ObjectStore(url, timeout_seconds=30)
        service.faults.always(0)


def test_a_large_value_is_sent_in_parts_and_whole(store, service):
    data = os.urandom(12 * 2**20)
    store.put("checkpoints/000001-a/trainer.pt", data)
    assert store.read("checkpoints/000001-a/trainer.pt") == data
    assert any("partNumber=" in request for request in service.faults.requests)


@pytest.mark.parametrize("fault", ["500", "503", "lost", "late", "never", "slow"])
def test_each_call_survives_each_fault(url, service, fault):
    service.faults.hang_seconds = 1.5
    store = ObjectStore(url, timeout_seconds=0.75)

    def struck(call, **kwargs):
        service.faults.next(fault, **kwargs)
        return call()

    struck(lambda: store.put("a", b"1"))
    assert struck(lambda: store.read("a")) == b"1"
    assert struck(lambda: store.list("").keys) == ("a",)
    # The answer that is lost is "created": the second try has to know that it was us.
    assert struck(lambda: store.put_if_absent("b", b"2")) is True
    assert struck(lambda: store.put_if_absent("b", b"2")) is False
    struck(lambda: move(store, "b", "c"))
    struck(lambda: move(store, "c", "d"), only=lambda request: request.startswith("POST"))
    struck(lambda: store.delete("a"))
    assert store.list("").keys == ("d",)
    assert store.read("d") == b"2"


def test_of_two_creators_of_one_value_whose_answers_are_lost_one_wins(store, service):
    for number in range(5):
        service.faults.next("lost", "lost", "500")
        wins, barrier = [], threading.Barrier(2)

        def create(key=f"workers/{number}", wins=wins, barrier=barrier):
            barrier.wait()
            wins.append(store.put_if_absent(key, b"the same bytes"))

        threads = [threading.Thread(target=create) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(wins) == [False, True]


def test_a_poll_costs_one_request_for_a_thousand_keys(store, service):
    for number in range(12):
        store.put(f"data/v{number:04d}", b"")
        store.put(f"logs/v{number:04d}", b"")
    service.faults.requests.clear()
    assert len(list(iterate(store, "data/"))) == 12
    assert len(service.faults.requests) == 1
    # What lies beside the prefix is not listed: the listing begins right before it.
    assert store.list("data/v0009", limit=1).keys == ("data/v0009",)
    assert len(service.faults.requests) == 2


def test_a_service_that_is_away_is_a_store_error_and_comes_back(url, service):
    store = ObjectStore(url, timeout_seconds=5, patience_seconds=0.3)
    store.put("a", b"1")
    service.faults.always(1.0, "503")
    with pytest.raises(StoreError, match=r"cannot read: .*503.*nothing is lost"):
        store.read("a")
    service.faults.always(0)
    assert store.read("a") == b"1"


def test_a_role_waits_longer_for_its_commit_than_for_its_lease(url, service, monkeypatch):
    pauses = []
    # No time passes but in the pauses, which nobody waits for.
    clock = SimpleNamespace(monotonic=lambda: sum(pauses))
    monkeypatch.setattr(object_store, "time", clock)
    store = ObjectStore(url, timeout_seconds=5, patience_seconds=60, sleep=pauses.append)
    service.faults.always(1.0, "503")

    def seconds(call):
        pauses.clear()
        with pytest.raises(StoreError):
            call()
        return sum(pauses)

    for call in (
        lambda: store.put("workers/w0.json", b""),
        lambda: store.list("data/"),
        lambda: store.read("STOP"),
        lambda: store.read("model/version.txt"),
    ):
        assert 10 <= seconds(call) < 13
    for call in (
        lambda: store.put("checkpoints/latest.json", b""),
        lambda: store.delete("data/v0001_w0_0001.npz"),
        lambda: store.put_if_absent("STOP", b""),
        lambda: store.put("model/version.txt", b""),
        lambda: store.put("logs/rating.json", b""),
        lambda: store.read("logs/rating.json"),
        lambda: patiently(lambda: store.read("trainer.json")),
    ):
        assert 60 <= seconds(call) < 78


def test_what_is_not_there_is_not_asked_for_again(url, service):
    store = ObjectStore(url)
    service.faults.requests.clear()
    with pytest.raises(KeyMissingError):
        patiently(lambda: store.read("data/v0001_w0_0001.npz"))
    assert len(service.faults.requests) == 1


class TestErrorsForPeople:
    def test_no_bucket(self):
        store = ObjectStore("s3://no-such-bucket/run")
        calls = [
            lambda: store.read("a"),
            lambda: store.put("a", b""),
            lambda: store.put_if_absent("a", b""),
            lambda: store.list("data/"),
        ]
        for call in calls:
            with pytest.raises(StoreError, match="there is no bucket no-such-bucket") as caught:
                call()
            assert not isinstance(caught.value, KeyMissingError)
            assert "\n" not in str(caught.value)

    def test_no_credentials(self, url, monkeypatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        # Where no machine role is given; the address of the metadata service answers nothing here.
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9/169.254.169.254")
        with pytest.raises(StoreError, match="no credentials were found: set AWS_ACCESS_KEY_ID"):
            ObjectStore(url).read("a")

    def test_no_endpoint(self, url, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        with pytest.raises(StoreError, match="check the network and the endpoint"):
            ObjectStore(url, patience_seconds=0.2).read("a")

    def test_plain_http_has_to_be_allowed(self, url, monkeypatch):
        monkeypatch.delenv("AWS_ALLOW_HTTP")
        with pytest.raises(StoreError, match="AWS_ALLOW_HTTP=true"):
            ObjectStore(url).read("a")

    def test_what_the_service_refuses_is_not_tried_again(self, url, service):
        store = ObjectStore(url)

        def refuse(environ, start_response):
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"]

        app, service.faults._app = service.faults._app, refuse
        service.faults.requests.clear()
        try:
            with pytest.raises(StoreError, match="lack the permission"):
                store.put("a", b"")
            assert len(service.faults.requests) == 1
        finally:
            service.faults._app = app

    def test_a_service_without_conditional_puts_is_refused(self, store, service):
        check_exclusive_create(store)
        app = service.faults._app

        def ignores(environ, start_response):
            environ.pop("HTTP_IF_NONE_MATCH", None)
            return app(environ, start_response)

        service.faults._app = ignores
        try:
            with pytest.raises(StoreError, match="two trainers could not be told apart"):
                check_exclusive_create(store)
        finally:
            service.faults._app = app
        assert store.list("").entries == ()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("s3://bucket", "expected s3://BUCKET/RUN"),
            ("s3:///run", "expected s3://BUCKET/RUN"),
            ("s3://bucket/a//b", "is not a key"),
            ("ftp://bucket/run", "no object store is called so"),
            ("s3://key:secret@bucket/run", "belong into the environment"),
            ("az://box/run?sig=secret", "belong into the environment"),
        ],
    )
    def test_what_is_no_address(self, text, message):
        with pytest.raises(ValueError, match=message) as caught:
            ObjectPrefix.parse(text)
        assert "secret" not in str(caught.value)

    def test_a_wrong_time_out(self, url, monkeypatch):
        monkeypatch.setenv("ZEROFLEET_STORE_TIMEOUT", "soon")
        with pytest.raises(StoreError, match="ZEROFLEET_STORE_TIMEOUT='soon': expected seconds"):
            ObjectStore(url)

    def test_credentials_of_aws_configure(self, url, service, monkeypatch, tmp_path):
        require("boto3")
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        file = tmp_path / "credentials"
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
        file.write_text("[lab]\naws_access_key_id = k\naws_secret_access_key = s\n")
        monkeypatch.setenv("AWS_PROFILE", "lab")
        ObjectStore(url).put("a", b"1")
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(StoreError, match="nobody"):
            ObjectStore(url)

    def test_without_obstore(self, url, monkeypatch):
        import sys

        monkeypatch.setitem(sys.modules, "obstore.store", None)
        with pytest.raises(StoreError, match=r"pip install 'zerofleet\[s3\]'"):
            ObjectStore(url)

    def test_errors_do_not_show_signed_addresses(self):
        error = Exception("GET http://h/a?sig=SECRET&se=1 failed\nDebug: ?sig=SECRET")
        assert object_store._short(error) == "GET http://h/a failed"
