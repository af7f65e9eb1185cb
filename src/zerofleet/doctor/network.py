"""The address where the ranks of a job meet: free at node 0, reachable from the others.

`serve` answers at that address before there is a job; then the others also learn how far they are
and how much their clocks differ.
"""

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from zerofleet.doctor.finding import Finding

CONNECT_SECONDS = 5.0
_NUM_PINGS = 5
LARGEST_CLOCK_DIFFERENCE = 5.0
"""Seconds; nothing in a run compares clocks, but people compare logs."""
SLOW_MILLISECONDS = 5.0
_QUESTION = b"zerofleet doctor\n"


def check_address(host: str, port: int, *, node_rank: int | None = None) -> Iterator[Finding]:
    """Looks at MASTER:PORT from this host.

    Args:
      node_rank: 0: the ranks meet here, so the port has to be free; another: it has to be
        reachable; None: 0 if the address is this host's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        remedy = "mend the name (DNS, /etc/hosts), or give the address in numbers"
        yield Finding("address", f"{host}: {error.strerror}", "failure", remedy)
        return
    address = found[0][4][0]
    is_here = node_rank == 0 or (node_rank is None and _is_own(found[0][0], str(address)))
    yield from _listen(host, port) if is_here else _reach(host, port)


def _is_own(family: int, address: str) -> bool:
    """Whether an address is one of this host's."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _listen(host: str, port: int) -> Iterator[Finding]:
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                who = _listener(port)
                text = f"{port} is taken{f' by {who}' if who else ''}"
                remedy = f"end that program, or choose another --master-port, {port + 1} say"
            else:
                text, remedy = f"{port}: {error.strerror}", "choose another --master-port"
            yield Finding("port", text, "failure", remedy)
            return
    yield Finding("port", f"{host}:{port} is free: node 0 can listen there")


def _reach(host: str, port: int) -> Iterator[Finding]:
    try:
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as connection:
            yield Finding("port", f"{host}:{port} is reachable")
            yield from _distance(connection, host, port)
    except ConnectionRefusedError:
        remedy = (
            f"start node 0 first (`zerofleet doctor --serve --master-port {port}` there answers "
            "for a test), or open the port in its firewall"
        )
        text = f"{host}:{port} is closed: the host answers, nobody listens at that port"
        yield Finding("port", text, "failure", remedy)
    except OSError as error:
        reason = error.strerror or f"no answer within {CONNECT_SECONDS:.0f} s"
        remedy = "is the host up, the address right, the port open in every firewall between?"
        yield Finding("port", f"{host}:{port} is not reachable: {reason}", "failure", remedy)


def _distance(connection: socket.socket, host: str, port: int) -> Iterator[Finding]:
    """Round trip and clock difference, if a doctor answers there."""
    best, difference = float("inf"), 0.0
    try:
        file = connection.makefile("rwb")
        for _ in range(_NUM_PINGS):
            asked, started = time.time(), time.perf_counter()
            file.write(_QUESTION)
            file.flush()
            answer = file.readline(1000)
            seconds = time.perf_counter() - started
            if seconds < best:
                best, difference = seconds, float(json.loads(answer)["time"]) - asked - seconds / 2
    except (OSError, ValueError, KeyError, TypeError):
        yield Finding("clocks", "not compared: it is no doctor that listens there")
        return
    milliseconds = 1000 * best
    text = f"round trip to {host} {milliseconds:.2f} ms"
    if milliseconds > SLOW_MILLISECONDS:
        remedy = "ranks exchange gradients at every step: use nodes of one network"
        yield Finding("network", text, "warning", remedy)
    else:
        yield Finding("network", text)
    text = f"{host} is {abs(difference):.3f} s {'ahead' if difference >= 0 else 'behind'}"
    if abs(difference) > LARGEST_CLOCK_DIFFERENCE:
        remedy = "set both by NTP; training does not compare clocks, but logs are hard to read"
        yield Finding("clocks", text, "warning", remedy)
    else:
        yield Finding("clocks", text)


def serve(port: int, tell: Callable[[str], None], *, minutes: float) -> int:
    """Answers doctors of other nodes at a port; returns 0 after a while, 1 if it is taken."""
    findings = list(_listen("this host", port))
    if findings[0].status == "failure":
        tell(f"FAIL  port         {findings[0].text}")
        tell(f"{'':<18} -> {findings[0].remedy}")
        return 1
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    dual = family == socket.AF_INET6
    with socket.create_server(("", port), family=family, dualstack_ipv6=dual) as server:
        tell(f"answers at port {port} for {minutes:g} minutes; Ctrl-C ends it")
        end = time.monotonic() + 60 * minutes
        while (left := end - time.monotonic()) > 0:
            server.settimeout(left)
            try:
                connection, peer = server.accept()
            except TimeoutError:
                break
            tell(f"{peer[0]} is here")
            with connection:
                _answer(connection)
    return 0


def _answer(connection: socket.socket) -> None:
    connection.settimeout(CONNECT_SECONDS)
    try:
        file = connection.makefile("rwb")
        while file.readline(1000) == _QUESTION:
            file.write((json.dumps({"time": time.time()}) + "\n").encode())
            file.flush()
    except OSError:
        return


def _listener(port: int) -> str:
    """The process that listens at a port of this host, where we may see it."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text(encoding="utf-8").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            descriptors = list((process / "fd").iterdir())
        except OSError:
            continue  # gone, or somebody else's
        for descriptor in descriptors:
            with contextlib.suppress(OSError):  # closed meanwhile
                if os.readlink(descriptor) in inodes:
                    name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                    return f"{name} (process {process.name})"
    return ""
