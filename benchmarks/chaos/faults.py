"""What is done to a run: each fault, how often it comes, and what has to follow it."""

import io
import random
import signal
import zipfile
import zlib
from collections.abc import Callable

from benchmarks.chaos.campaign import Campaign
from benchmarks.chaos.processes import TRAIN, TRAINER, Slot, lease_holder
from benchmarks.chaos.settings import DEAD_AFTER_SECONDS
from zerofleet.run.documents import sha256_hex
from zerofleet.run.errors import RunError
from zerofleet.run.layout import (
    CONSUMED,
    DATA,
    MODEL,
    base_name,
    parse_shard_name,
    worker_lease_key,
)
from zerofleet.run.models import PLAYED_KINDS, read_manifest, read_version
from zerofleet.run.numbers import read_ledger
from zerofleet.run.store import iterate, read_or_none


class Injector:
    """Chooses faults by chance and does them."""

    def __init__(self, campaign: Campaign) -> None:
        self._c = campaign
        self._rng: random.Random = campaign.rng
        self._disk_is_full = False
        self._model_is_damaged = False

    def choices(self) -> list[tuple[int, Callable[[], bool]]]:
        """Weights and faults; a fault returns False if it cannot be done just now."""
        return [
            (20, self.kill_worker),
            (8, self.kill_trainer),
            (2, self.kill_all),
            (14, self.freeze),
            (4, self.freeze_for_long),
            (3, self.replace_while_frozen),
            (8, self.terminate),
            (6, self.fill_disk),
            (10, self.jump_clock),
            (7, self.damage_shards),
            (6, self.deliver_again),
            (4, self.deliver_junk),
            (5, self.damage_model),
            (3, self.delete_lease),
        ]

    def inject(self) -> None:
        """One fault; another one where the one chosen cannot be done just now."""
        weights, faults = zip(*self.choices(), strict=True)
        for _ in range(20):
            (fault,) = self._rng.choices(faults, weights)
            try:
                if fault():
                    return
            except RunError:
                continue  # the disk is full, or a file is gone again

    # -- processes ---------------------------------------------------------------------------

    def kill_worker(self) -> bool:
        """SIGKILL; started again a moment later."""
        slot = self._worker()
        if slot is None:
            return False
        self._kill_and_start(slot)
        self._c.count("SIGKILL worker")
        return True

    def kill_trainer(self) -> bool:
        """SIGKILL; started again a moment later."""
        trainer = self._c.crew.trainer
        if not trainer.is_up or trainer.spared:
            return False
        self._kill_and_start(trainer)
        self._c.count("SIGKILL trainer")
        return True

    def kill_all(self) -> bool:
        """All at once, as when the power fails, but for one that is spared."""
        slots = [slot for slot in self._c.crew.victims if slot.is_up and not slot.spared]
        for slot in slots:
            self._kill_and_start(slot)
            self._c.count(f"SIGKILL {_kind(slot)}")
        return bool(slots)

    def freeze(self) -> bool:
        """SIGSTOP, and SIGCONT a moment later."""
        return self._freeze(self._rng.uniform(0.05, 3.0), "SIGSTOP, SIGCONT", spared=True)

    def freeze_for_long(self) -> bool:
        """SIGSTOP for longer than it takes to be held for dead."""
        seconds = DEAD_AFTER_SECONDS * self._rng.uniform(1.2, 1.8)
        return self._freeze(seconds, "SIGSTOP until held for dead, SIGCONT", spared=False)

    def replace_while_frozen(self) -> bool:
        """Another process takes the place of a frozen one, which wakes up and must give way."""
        slot = self._any(spared=False)
        if slot is None or self._disk_is_full:
            return False
        old, slot.busy = slot.role, True
        old.signal(signal.SIGSTOP)
        new = self._c.crew.start(slot)
        self._c.count(f"frozen {_kind(slot)} replaced, SIGCONT")

        def has_taken_over() -> bool:
            holder = lease_holder(self._c.run, slot.name)
            return (holder is not None and holder.pid == new.pid) or new.poll() is not None

        def wake() -> None:
            if new.poll() is not None:  # it failed, as it may on a full disk; the old one goes on
                old.signal(signal.SIGCONT)
                slot.busy = False
                return
            old.signal(signal.SIGCONT)
            slot.role = new
            self._c.await_(
                lambda: old.poll() is not None, given_way, f"the replaced {slot.name} to end"
            )

        def given_way() -> None:
            self._c.outcomes[f"replaced {_kind(slot)} ended with status {old.poll()}"] += 1
            old.signal(signal.SIGKILL)
            slot.busy = False

        self._c.await_(
            has_taken_over,
            lambda: self._c.later(self._rng.uniform(0, 2), wake),
            f"another process to take {slot.name} over",
        )
        return True

    def terminate(self) -> bool:
        """SIGTERM: it ends with 0 and soon; then it is started again."""
        slots = [slot for slot in self._c.crew.slots if slot.is_up and not slot.spared]
        if not slots or self._disk_is_full:  # which ends it with an error before
            return False
        slot = self._rng.choice(slots)
        role, slot.busy = slot.role, True
        slot.role = None
        self._c.count(f"SIGTERM {_kind(slot)}")
        role.signal(signal.SIGTERM)

        def ended() -> None:
            status = role.poll()
            text = role.text()
            # Before it has begun the signal ends it as any process.
            is_early = "started" not in text and status == -signal.SIGTERM
            # The disk may fill up while it ends, slowly on a busy machine.
            is_of_disk = status == 1 and "No space left on device" in text
            if status != slot.good_end and not is_early and not is_of_disk:
                self._c.findings.append(f"SIGTERM of {slot.name}: {status}: {text[-2000:]}")
                role.signal(signal.SIGKILL)
            self._c.later(self._rng.uniform(0, 2), lambda: self._c.start(slot))

        self._c.await_(lambda: role.poll() is not None, ended, f"{slot.name} to end at SIGTERM")
        return True

    def jump_clock(self) -> bool:
        """The clock of a process is set, by a second or by years."""
        slots = [slot for slot in self._c.crew.slots if slot.is_up and slot.clock is not None]
        if not slots:
            return False
        slot = self._rng.choice(slots)
        seconds = self._rng.choice((1, 60, 3600, 86_400, 10 * 365 * 86_400))
        assert slot.clock is not None
        slot.clock.set(self._rng.choice((-1, 1)) * seconds)
        self._c.count("clock set")
        return True

    def delete_lease(self) -> bool:
        """A worker is killed and its lease deleted, as a person may."""
        slot = self._worker()
        if slot is None:
            return False
        self._c.kill(slot)
        self._c.run.store.delete(worker_lease_key(slot.name))
        self._c.later(self._rng.uniform(0, 2), lambda: self._c.start(slot))
        self._c.count("SIGKILL worker")
        self._c.count("lease of a dead worker deleted")
        return True

    # -- files -------------------------------------------------------------------------------

    def fill_disk(self) -> bool:
        """The disk is full for some seconds."""
        if self._disk_is_full or self._c.disk.why_not or self._c.crew.trainer.spared:
            return False  # it ends the trainer
        self._disk_is_full = True
        self._c.disk.fill(self._rng.choice((0, 0, 4096, 65_536, 1 << 18)))
        self._c.count("disk full")

        def empty() -> None:
            self._c.disk.empty()
            self._disk_is_full = False

        self._c.later(self._rng.uniform(0.5, 8.0), empty)
        return True

    def damage_shards(self) -> bool:
        """While the trainer is down, shards that wait for it are cut short, or a bit changes."""
        trainer = self._c.crew.trainer
        if not trainer.is_up or trainer.spared or self._disk_is_full:
            return False
        self._c.kill(trainer)
        self._c.count("SIGKILL trainer")

        def go_on() -> None:
            self._damage_some()
            self._c.start(trainer)

        self._c.await_(lambda: bool(self._waiting()), go_on, "", seconds=4, otherwise=go_on)
        return True

    def deliver_again(self) -> bool:
        """A shard that is counted comes once more, as from a mirror that died in between."""
        store = self._c.run.store
        names = sorted(
            (parse_shard_name(base_name(entry.key)) for entry in iterate(store, CONSUMED)),
            key=lambda name: name.batch,
        )
        if not names or self._disk_is_full:
            return False
        worker = self._rng.choice(names).worker
        of_worker = [name for name in names if name.worker == worker][-10:]
        chosen = self._rng.choice(of_worker)
        name = f"v{chosen.version:04d}_{chosen.worker}_{chosen.batch:04d}.npz"
        data = read_or_none(store, CONSUMED + name)
        if data is None or not store.put_if_absent(DATA + name, data):
            return False
        self._c.again.add(name)
        self._c.count("counted shard delivered again")
        return True

    def deliver_junk(self) -> bool:
        """A file that is no shard, under the name of one."""
        name = f"v0001_evil_{len(self._c.junk) + 1:04d}.npz"
        data = self._rng.randbytes(self._rng.choice((0, 1, 100, 10_000)))
        if not self._c.run.store.put_if_absent(DATA + name, data):
            return False
        self._c.junk.append(name)
        self._c.count("junk in data/")
        return True

    def damage_model(self) -> bool:
        """The published net is cut short; a worker that starts must refuse it, and recover."""
        slot = self._worker()
        if slot is None or self._model_is_damaged or self._disk_is_full:
            return False
        store, trainer = self._c.run.store, self._c.crew.trainer
        # Down, it publishes no other version, and this one once more when it is started.
        by_trainer = trainer in self._c.crew.slots and trainer.is_up and not trainer.spared
        by_trainer = by_trainer and self._rng.random() < 0.5
        if by_trainer:
            self._c.kill(trainer)
            self._c.count("SIGKILL trainer")
        version = read_version(store)
        files = read_manifest(store)["versions"][str(version)]["files"]
        kind = next(kind for kind in PLAYED_KINDS if kind in files)
        key = MODEL + files[kind]["file"]
        data = store.read(key)
        self._model_is_damaged = True
        self._c.mark_damaged(key)
        with store.path(key).open("r+b") as file:
            file.truncate(self._rng.randrange(len(data)))
        self._c.count("net of the newest version cut short")
        self._kill_and_start(slot, within=0.2)
        self._c.count("SIGKILL worker")

        def is_refused() -> bool:
            return slot.role is not None and "damaged" in slot.role.text()

        def mend() -> None:
            if not by_trainer:
                restore()
                return
            self._c.start(trainer)
            self._c.await_(is_past, by_itself, f"the trainer to publish {key} again")

        def by_itself() -> None:
            if is_whole():
                self._c.outcomes["damaged net published again by the trainer"] += 1
            restore()

        def is_past() -> bool:
            # A trainer that was killed between commit and publishing has a newer one to publish.
            return is_whole() or read_version(store) > version

        def is_whole() -> bool:
            return sha256_hex(store.read(key)) == files[kind]["sha256"]

        def restore() -> None:
            if not is_whole():  # older versions are nobody's to mend but the owner's of the disk
                try:
                    store.put(key, data)
                except RunError:  # the disk is full
                    self._c.later(1, restore)
                    return
                self._c.outcomes["damaged net restored from a copy"] += 1
            self._c.unmark_damaged(key)
            self._model_is_damaged = False

        def refused() -> None:
            self._c.outcomes["damaged net refused by a worker"] += 1
            mend()

        self._c.await_(is_refused, refused, "", seconds=15, otherwise=mend)
        return True

    # -- helpers -----------------------------------------------------------------------------

    def _worker(self) -> Slot | None:
        slots = [slot for slot in self._c.crew.workers if slot.is_up and not slot.spared]
        return self._rng.choice(slots) if slots else None

    def _any(self, *, spared: bool) -> Slot | None:
        slots = [s for s in self._c.crew.victims if s.is_up and (spared or not s.spared)]
        return self._rng.choice(slots) if slots else None

    def _kill_and_start(self, slot: Slot, *, within: float = 3.0) -> None:
        self._c.kill(slot)
        self._c.later(self._rng.uniform(0, within), lambda: self._c.start(slot))

    def _freeze(self, seconds: float, kind: str, *, spared: bool) -> bool:
        slot = self._any(spared=spared)
        if slot is None:
            return False
        role, slot.busy = slot.role, True
        role.signal(signal.SIGSTOP)
        self._c.count(kind)

        def thaw() -> None:
            role.signal(signal.SIGCONT)
            slot.busy = False

        self._c.later(seconds, thaw)
        return True

    def _waiting(self) -> list[str]:
        """Shards in data/ that nobody has counted; exact while there is no trainer."""
        store = self._c.run.store
        ledger = read_ledger(store)
        found = []
        for entry in iterate(store, DATA):
            name = base_name(entry.key)
            content = self._c.witness.contents.get(name)
            if content is None or name in self._c.damaged:
                continue
            if not ledger.is_counted(content.worker, content.batch):
                found.append(name)
        self._rng.shuffle(found)
        return found

    def _damage_some(self) -> None:
        for name in self._waiting()[: self._rng.randint(1, 2)]:
            self._damage(name)

    def _damage(self, name: str) -> None:
        path = self._c.run.store.path(DATA + name)
        data = bytearray(path.read_bytes())
        if len(data) < 2:
            return
        how = self._rng.choice(("emptied", "cut in half", "last byte missing", "a bit changed"))
        self._c.mark_damaged(DATA + name)
        self._c.damaged[name] = how
        if how == "a bit changed":
            place = flip_a_bit(data, self._rng)
            with path.open("r+b") as file:
                file.seek(place)
                file.write(data[place : place + 1])
        else:
            with path.open("r+b") as file:
                file.truncate({"emptied": 0, "cut in half": len(data) // 2}.get(how, len(data) - 1))
        self._c.count(f"waiting shard damaged: {how}")


def _kind(slot: Slot) -> str:
    return slot.name if slot.name in (TRAINER, TRAIN) else "worker"


def flip_a_bit(data: bytearray, rng: random.Random) -> int:
    """Changes one bit of an array of the shard; returns the place of its byte.

    Not one that says nothing: a time in the archive, or another way to pack the same bytes.
    """
    while True:
        place, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
        data[place] ^= bit
        if _has_bad_checksum(data):
            return place
        data[place] ^= bit


def _has_bad_checksum(data: bytearray) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
            return archive.testzip() is not None
    except (zipfile.BadZipFile, zlib.error):
        return True
    except (EOFError, NotImplementedError, OSError, RuntimeError, ValueError):
        return False  # unusual; nothing that has to be tried
