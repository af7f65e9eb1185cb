"""Who gets the page: this machine on loopback, elsewhere who has the token; no foreign page."""

import re

import pytest

from support import require
from zerofleet.run.store import DirectoryStore

TOKEN = "a-token"


def client(tmp_path, *, token="", base="http://127.0.0.1:8420"):
    require("httpx")
    testclient = require("starlette.testclient")
    from zerofleet.monitor.web.app import make_app

    app = make_app(DirectoryStore(tmp_path), run_dir="runs/x", token=token)
    return testclient.TestClient(app, base_url=base, raise_server_exceptions=False)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:8420", "[::1]:5", "127.0.0.2"])
def test_loopback_needs_no_token(tmp_path, host):
    with client(tmp_path) as page:
        answer = page.get("/", headers={"host": host})
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example:8420", "", "127.0.0.1.evil.example", "10.0.0.7"])
def test_a_foreign_name_for_loopback_is_refused(tmp_path, host):
    with client(tmp_path) as page:
        for path in ("/", "/api/run", "/static/app.js", "/api/events"):
            assert page.get(path, headers={"host": host}).status_code == 403


def test_elsewhere_nothing_is_shown_without_the_token(tmp_path):
    with client(tmp_path, token=TOKEN, base="http://gpu1:8420") as page:
        paths = ["/", "/static/app.js", "/api/run", "/api/events", "/api/log/trainer", "/nothing"]
        for path in paths:
            for extra in ("", "?token=", "?token=a-toke", "?token=\u00e4"):
                answer = page.get(path + extra)
                assert answer.status_code == 401
                assert "zerofleet web" in answer.text
        page.cookies.set("zerofleet_8420", "wrong")
        assert page.get("/api/run").status_code == 401
        page.cookies.clear()

        first = page.get(f"/?token={TOKEN}", follow_redirects=False)
        assert (first.status_code, first.headers["location"]) == (303, "/")
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert page.get("/api/run").json()["head"]["phase"] == "waiting for the trainer"


def test_only_the_page_itself_may_post(tmp_path):
    with client(tmp_path) as page:
        own = {"content-type": "application/json", "origin": "http://127.0.0.1:8420"}
        assert page.post("/api/run", content="{}", headers=own).status_code == 405  # came through
        foreign = {**own, "origin": "http://evil.example"}
        form = {**own, "content-type": "text/plain"}
        for headers in (foreign, form, {"origin": "null", "content-type": "application/json"}):
            assert page.post("/api/run", content="{}", headers=headers).status_code == 403


def test_files_outside_the_page_and_the_logs_cannot_be_had(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with client(tmp_path) as page:
        for path in ("/static/..%2fapp.py", "/static/%2e%2e/app.py", "/static/nothing.js"):
            assert page.get(path).status_code == 404
        for name in ("..%2Fconfig.json", ".hidden", "a%00b"):
            assert page.get(f"/api/log/{name}").status_code in (400, 404)
        assert page.get("/api/log/w0").json()["lines"] == []


def test_what_did_not_change_is_not_sent_again(tmp_path):
    with client(tmp_path) as page:
        first = page.get("/static/app.js")
        again = page.get("/static/app.js", headers={"if-none-match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_the_page_names_no_other_site():
    from importlib.resources import files

    for file in files("zerofleet.monitor.web").joinpath("static").iterdir():
        if file.name.startswith("uPlot"):
            continue
        found = re.findall(r"(?:https?:)?//[a-z][\w.]+", file.read_text())
        assert [link for link in found if "www.w3.org" not in link] == [], file.name


def test_addresses():
    require("uvicorn")
    from zerofleet.monitor.web.server import AddressError, PageServer, page_url

    assert page_url("127.0.0.1", 80, "") == "http://127.0.0.1:80/"
    assert page_url("::1", 80, "") == "http://[::1]:80/"
    assert page_url("gpu1", 8420, "t") == "http://gpu1:8420/?token=t"
    assert not page_url("0.0.0.0", 1, "t").startswith("http://0.0.0.0")
    store = DirectoryStore(".")
    taken = PageServer(store, run_dir="x", port=0)
    port = int(taken.url.split(":")[2].strip("/"))
    with pytest.raises(AddressError, match=f"port {port}.*--port 0"):
        PageServer(store, run_dir="x", port=port)
    with pytest.raises(AddressError, match=r"--host no-such-host\.invalid"):
        PageServer(store, run_dir="x", host="no-such-host.invalid")
    open_to_all = PageServer(store, run_dir="x", host="0.0.0.0", port=0)
    assert re.search(r"\?token=[\w-]{32}$", open_to_all.url)
    taken._listener.close()
    open_to_all._listener.close()
