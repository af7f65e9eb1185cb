"""An S3 service for tests: moto over real HTTP, with the faults a real one has."""

import contextlib
import random
import threading
import time

from support import require

BUCKET = "zerofleet-tests"
_SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)


class Faults:
    """What goes wrong with the requests that pass; thread safe.

    Each of `kinds` is one of

    - "500": refused before anything is done;
    - "503": the same, "SlowDown";
    - "lost": done, and answered with a 500;
    - "late": done, and answered when the client has given up;
    - "never": not done, and answered when the client has given up;
    - "slow": done, answered after a moment.
    """

    def __init__(self, app):
        self._app = app
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._plan = []
        self._random = random.Random(0)
        self._share, self._kinds, self._only = 0.0, (), lambda request: True
        self.hang_seconds = 3.0
        self.struck = []
        self.requests = []

    def next(self, *kinds, only=lambda request: True):
        """The next requests (METHOD PATH) of which `only` is true meet these faults, in order."""
        with self._lock:
            self._plan += [(kind, only) for kind in kinds]

    def always(self, share, *kinds, only=lambda request: True):
        """From now on this share of the requests meets one of the faults."""
        with self._lock:
            self._share, self._kinds, self._only = share, kinds, only

    def __call__(self, environ, start_response):
        request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        if environ.get("QUERY_STRING"):
            request += f"?{environ['QUERY_STRING']}"
        kind = self._choose(request)
        if kind in ("500", "503", "never"):
            with contextlib.suppress(Exception):  # as a service does: it reads what is sent
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            if kind == "never":
                time.sleep(self.hang_seconds)
            text = "503 Slow Down" if kind == "503" else "500 Internal Server Error"
            start_response(text, [("Content-Type", "application/xml")])
            return [_SLOW_DOWN if kind == "503" else b""]
        if kind == "slow":
            time.sleep(0.3)
        if kind not in ("lost", "late"):
            return self._serve(environ, start_response)
        list(self._serve(environ, lambda *_: None))
        if kind == "late":
            time.sleep(self.hang_seconds)
        start_response("500 Internal Server Error", [])
        return [b""]

    def _serve(self, environ, start_response):
        """One write after the other: moto looks whether a key is there, and writes it, in two
        steps, between which another write may come; a real service does both in one."""
        if environ["REQUEST_METHOD"] not in ("PUT", "POST", "DELETE"):
            return self._app(environ, start_response)
        with self._writing:
            return self._app(environ, start_response)

    def _choose(self, request):
        with self._lock:
            self.requests.append(request)
            for place, (kind, only) in enumerate(self._plan):
                if only(request):
                    del self._plan[place]
                    self.struck.append((kind, request))
                    return kind
            if self._kinds and self._random.random() < self._share and self._only(request):
                kind = self._random.choice(self._kinds)
                self.struck.append((kind, request))
                return kind
        return ""


class Service:
    """A running S3 with one bucket."""

    def __init__(self):
        server = require("moto.moto_server.threaded_moto_server")
        werkzeug = require("werkzeug.serving")
        moto = require("moto.moto_server.werkzeug_app")

        class Handler(server.MotoRequestHandler):
            protocol_version = "HTTP/1.1"  # keeps connections, as real services do

            def log_request(self, *_):
                pass

        self.faults = Faults(moto.DomainDispatcherApplication(moto.create_backend_app))
        self._server = werkzeug.make_server(
            "127.0.0.1", 0, self.faults, threaded=True, request_handler=Handler
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "a-secret-that-is-in-no-file",
            "AWS_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
        }
        self.create_bucket(BUCKET)

    def create_bucket(self, name):
        require("boto3").client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        ).create_bucket(Bucket=name)

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
