"""Object storage: a run under a prefix of a bucket of S3, Google Cloud Storage, Azure or alike.

A key of the run is an object `<prefix>/<key>`. One put makes a value visible whole; `put_if_absent`
is a conditional put, which the service refuses if the object is there. There is no rename: `move`
copies within the service and deletes after (run/store.py).

The answer to a request can be lost although the request was served. Everything here may be asked
twice: a put writes the same bytes, a deleted object stays deleted, and an object that is created
carries a token of its writer, so that the second try knows its own first.

Endpoint, region and credentials come from the environment, as the tools of each service have them
(docs/object_storage.md); nothing of them is written anywhere.
"""

import os
import random
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from zerofleet.run.errors import KeyMissingError, StoreError
from zerofleet.run.layout import (
    DATA,
    LOGS,
    MODEL_VERSION,
    RATING,
    STATUS_TEXT,
    STOP,
    TENSORBOARD,
    TRAINER_LEASE,
    WORKERS,
)
from zerofleet.run.store import PAGE_SIZE, Entry, Page, check_key

if TYPE_CHECKING:
    from obstore.store import ClientConfig
    from obstore.store import ObjectStore as Client

_T = TypeVar("_T")

SCHEMES = ("s3", "gs", "az")
TIMEOUT_VARIABLE = "ZEROFLEET_STORE_TIMEOUT"
"""Environment variable: seconds without an answer after which a request is given up."""
DEFAULT_TIMEOUT_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 3.0
PATIENCE_SECONDS = 60.0
"""A service may be away for so long without ending a role in the middle of a commit."""
LARGE_BYTES = 2**20
"""Larger values may take `LARGE_TIMEOUT_FACTOR` times as long to send."""
LARGE_TIMEOUT_FACTOR = 30
_WRITTEN_AGAIN = (WORKERS, TRAINER_LEASE, DATA, STATUS_TEXT, LOGS, TENSORBOARD)
_READ_AGAIN = (*_WRITTEN_AGAIN, STOP, MODEL_VERSION)
_SOON_AGAIN = {
    **dict.fromkeys(("list", "read"), _READ_AGAIN),
    **dict.fromkeys(("write", "create"), _WRITTEN_AGAIN),
}
"""What is asked every few seconds by those who can go on without an answer, by what is done."""
_WRITER = "zerofleetwriter"
"""Attribute of an object; Azure takes the names of variables alone, and proxies no underscores."""
_METADATA_HOST = "169.254.169.254"


@dataclass(frozen=True)
class ObjectPrefix:
    """A bucket (a container of Azure) and the prefix of a run in it."""

    scheme: str
    bucket: str
    prefix: str

    @staticmethod
    def parse(url: str) -> "ObjectPrefix":
        """Reads `s3://bucket/run`; ValueError, saying what is expected, for anything else."""
        parts = urlsplit(url)
        expected = "expected s3://BUCKET/RUN, gs://BUCKET/RUN or az://CONTAINER/RUN"
        if parts.scheme not in SCHEMES:
            raise ValueError(f"{parts.scheme}://: no object store is called so; {expected}")
        if "@" in parts.netloc or parts.query:
            raise ValueError(
                f"{parts.scheme}://...: the address holds credentials or options; they belong into "
                f"the environment, where no log and no process list shows them; {expected}"
            )
        prefix = parts.path.strip("/")
        if not parts.netloc or not prefix or parts.fragment:
            raise ValueError(f"{url}: {expected}")
        try:
            check_key(prefix)
        except ValueError as error:
            raise ValueError(f"{url}: {error}; {expected}") from None
        return ObjectPrefix(parts.scheme, parts.netloc, prefix)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.prefix}"

    @property
    def identity(self) -> str:
        """The same for every way to write the address."""
        return str(self)

    def store(self) -> "ObjectStore":
        """The store of the run, with the settings of the environment. Raises: StoreError."""
        return ObjectStore(str(self))


class ObjectStore:
    """A run in object storage; safe to use from several threads."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is asked of the service yet.

        Args:
          url: `s3://bucket/run`, `gs://bucket/run` or `az://container/run`.
          timeout_seconds: without an answer for so long a request is given up.
          patience_seconds: so long new tries begin; twice `timeout_seconds` for what is asked every
            few seconds by those who can go on without an answer: leases, STOP, new shards.
        Raises: ValueError for an address that is none; StoreError without obstore or if the
          environment's settings do not fit together.
        """
        self.place = ObjectPrefix.parse(url)
        self._timeout_seconds = timeout_seconds or _timeout_from_environment()
        self._patience_seconds = patience_seconds
        self._sleep = sleep
        self._small = _open(self.place, self._timeout_seconds)
        self._large = _open(self.place, self._timeout_seconds * LARGE_TIMEOUT_FACTOR)

    def __repr__(self) -> str:
        return f"ObjectStore({str(self.place)!r})"

    def list(self, prefix: str, *, after: str = "", limit: int = PAGE_SIZE) -> Page:
        """See `Store.list`. One request for each thousand keys, only of those under the prefix."""
        import obstore

        # The service lists whole directories; a listing that begins right before the prefix and
        # ends with its last key is as good as one of the prefix.
        directory = prefix.rpartition("/")[0]
        begin = max(after, _just_before(prefix.rpartition("/")[2] and prefix))

        def page() -> tuple[list[Entry], bool]:
            found: list[Entry] = []
            stream = obstore.list(
                self._small, directory or None, offset=begin or None, chunk_size=limit
            )
            for chunk in stream:
                for meta in chunk:
                    key = meta["path"]
                    if key.startswith(prefix) and key > after:
                        found.append(Entry(key, meta["size"], meta.get("e_tag") or ""))
                        if len(found) == limit:
                            return found, True
                    elif key > prefix and not key.startswith(prefix):
                        return found, False
            return found, False

        entries, is_full = self._attempt("list", prefix or "the run", page)
        return Page(tuple(entries), entries[-1].key if is_full else None)

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        import obstore

        check_key(key)
        return self._attempt(
            "read", key, lambda: bytes(memoryview(obstore.get(self._small, key).bytes()))
        )

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`. A large value is sent in parts and appears when all are there."""
        import obstore

        check_key(key)
        store = self._client(data)
        self._attempt("write", key, lambda: obstore.put(store, key, data))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.put_if_absent`."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        check_key(key)
        store, token = self._client(data), uuid.uuid4().hex

        def create() -> bool:
            try:
                obstore.put(
                    store,
                    key,
                    data,
                    mode="create",
                    use_multipart=False,
                    attributes={_WRITER: token},
                )
            except AlreadyExistsError:
                # Perhaps by our own first try, whose answer was lost.
                return self._writer(key) == token
            return True

        return self._attempt("create", key, create)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        import obstore

        check_key(key)

        def delete() -> None:
            try:
                obstore.delete(self._small, key)
            except FileNotFoundError as error:
                if _NO_BUCKET.search(str(error)):
                    raise

        self._attempt("delete", key, delete)

    def copy(self, source: str, target: str) -> None:
        """Copies within the service; KeyMissingError if there is no source."""
        import obstore

        check_key(source)
        check_key(target)
        self._attempt("copy", source, lambda: obstore.copy(self._small, source, target))

    def _client(self, data: bytes) -> "Client":
        return self._large if len(data) > LARGE_BYTES else self._small

    def _writer(self, key: str) -> str | None:
        """The token of the object's writer; None if it has none or is gone."""
        import obstore

        try:
            attributes: Any = obstore.get(self._small, key).attributes
        except FileNotFoundError:
            return None
        return str(attributes.get(_WRITER))

    def _attempt(self, action: str, key: str, call: Callable[[], _T]) -> _T:
        """Calls, again and again with growing pauses while the service is at fault."""
        patience = self._patience_seconds
        if key != RATING and key.startswith(_SOON_AGAIN.get(action, ())):
            patience = min(patience, 2 * self._timeout_seconds)
        ends_at = time.monotonic() + patience
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return call()
            except FileNotFoundError as error:
                if action not in ("read", "copy") or _NO_BUCKET.search(str(error)):
                    raise self._error(action, key, error, self._no_bucket()) from None
                raise KeyMissingError(f"{self.place}/{key}: there is no such object") from None
            except Exception as error:
                if not _is_of_obstore(error):
                    raise
                advice = self._advice(error)
                if advice or time.monotonic() >= ends_at:
                    raise self._error(action, key, error, advice or _AWAY) from None
            self._sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _error(self, action: str, key: str, error: Exception, advice: str) -> StoreError:
        return StoreError(f"{self.place}/{key}: cannot {action}: {_short(error)}; {advice}")

    def _no_bucket(self) -> str:
        return (
            f"there is no bucket {self.place.bucket} at this endpoint: create it, or check the "
            "address and the endpoint and region in the environment"
        )

    def _advice(self, error: Exception) -> str:
        """What to do about an error that no second try mends; empty for any other."""
        text = str(error)
        kind = type(error).__name__
        if _METADATA_HOST in text or "metadata.google.internal" in text:
            return f"no credentials were found: {_CREDENTIALS[self.place.scheme]}"
        if kind == "UnauthenticatedError" or "InvalidAccessKeyId" in text:
            return f"the credentials are not valid here: {_CREDENTIALS[self.place.scheme]}"
        if "SignatureDoesNotMatch" in text:
            return "the secret key is not the one of this access key: check the credentials"
        if "ExpiredToken" in text or "TokenExpired" in text:
            return "the credentials have expired: get new ones and start again"
        if "RequestTimeTooSkewed" in text:
            return "the clock of this host is wrong: set it"
        if kind == "PermissionDeniedError":
            return (
                "the credentials lack the permission: a role of a run lists, reads, writes and "
                "deletes objects under its prefix (docs/object_storage.md has the policy)"
            )
        if _NO_BUCKET.search(text):
            return self._no_bucket()
        if "BadScheme" in text:
            return "the endpoint is plain http: set AWS_ALLOW_HTTP=true if that is meant"
        if kind not in ("GenericError", "PreconditionError") or _CLIENT_ERROR.search(text):
            return "check the address, the endpoint and the region in the environment"
        return ""


_AWAY = (
    "tried again and again: the service is away or slow, check the network and the endpoint; "
    "nothing is lost"
)
_NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist")
_CLIENT_ERROR = re.compile(r"status code: (?:3\d\d|4(?!08|09|29)\d\d)")
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (needs boto3), or give "
    "this machine a role; and AWS_ENDPOINT_URL where the service is not Amazon's",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or give this machine a service account",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or AZURE_STORAGE_SAS_KEY)",
}


def _timeout_from_environment() -> float:
    text = os.environ.get(TIMEOUT_VARIABLE, "")
    try:
        seconds = float(text) if text else DEFAULT_TIMEOUT_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise StoreError(f"{TIMEOUT_VARIABLE}={text!r}: expected seconds above 0, such as 5")
    return seconds


def _open(place: ObjectPrefix, timeout_seconds: float) -> "Client":
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise StoreError(
            f"{place}: object storage needs obstore ({error}): pip install 'zerofleet[s3]'"
        ) from None
    options: ClientConfig = {
        "connect_timeout": timedelta(seconds=min(5.0, timeout_seconds)),
        "read_timeout": timedelta(seconds=timeout_seconds),
        "timeout": timedelta(seconds=timeout_seconds * LARGE_TIMEOUT_FACTOR),
    }
    # Options given here replace those of the environment, so these are passed on.
    if any(os.environ.get(f"{name}_ALLOW_HTTP") in ("true", "1") for name in _PREFIXES):
        options["allow_http"] = True
    provider: Any = _profile(place)
    try:
        if bundle := os.environ.get("AWS_CA_BUNDLE"):
            options["root_certificate"] = Path(bundle).read_bytes()
        return from_url(
            str(place),
            client_options=options,
            retry_config={"max_retries": 0},  # `_attempt` tries again, also what is written
            **({"credential_provider": provider} if provider is not None else {}),
        )
    except Exception as error:
        if not (_is_of_obstore(error) or isinstance(error, ValueError | OSError)):
            raise
        raise StoreError(
            f"{place}: cannot be used: {_short(error)}; {_CREDENTIALS[place.scheme]}"
        ) from None


def _profile(place: ObjectPrefix) -> object | None:
    """Credentials of `aws configure`, if the environment has no others and boto3 can read them."""
    if place.scheme != "s3" or any(os.environ.get(name) for name in _OTHER_CREDENTIALS):
        return None
    files = [
        Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")),
        Path(os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")),
    ]
    if not os.environ.get("AWS_PROFILE") and not any(f.expanduser().is_file() for f in files):
        return None
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError as error:
        raise StoreError(
            f"{place}: the credentials of `aws configure` need boto3 ({error}): pip install boto3, "
            "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None
    try:
        return Boto3CredentialProvider()
    except Exception as error:  # of botocore's own kinds: no such profile, no credentials in it
        raise StoreError(f"{place}: {error}; {_CREDENTIALS['s3']}") from None


_PREFIXES = ("AWS", "GOOGLE", "AZURE")
_OTHER_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
)


def _just_before(key: str) -> str:
    """A key below `key` and above all that are shorter or smaller, as good as none in between."""
    return f"{key[:-1]}{chr(ord(key[-1]) - 1)}\uffff" if key else ""


def _is_of_obstore(error: Exception) -> bool:
    return type(error).__module__.startswith("obstore")


def _short(error: Exception) -> str:
    """The first line of an error; addresses without their queries, which may be signed."""
    first = next(iter(str(error).splitlines()), type(error).__name__)
    return re.sub(r"\?[^\s\"')]*", "", first)[:300]
