"""Streams game files into shards: `imports/` of a run directory.

    for each text
      is it known?          skip what was imported before (journal.py)
      piece -> games        judged: good, bad with a reason, left out by a filter
      enough positions      shard, then the journal's line that names it

A shard is cut where its games have SHARD_POSITIONS positions or their text 1 GiB, which depends on
nothing but the texts: the same texts and filters make the same shards. Memory is bounded by one
shard's games, one piece of text and the longest game.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zerofleet import _core
from zerofleet.games.registry import load_game
from zerofleet.records.shard import GameRecords, ShardMeta
from zerofleet.records.validate import validate
from zerofleet.records.write import encode_shard
from zerofleet.replay.imports.games import (
    Filters,
    GameReader,
    ImportedGame,
    Place,
    SkippedGame,
)
from zerofleet.replay.imports.journal import HEAD_BYTES, MODEL_VERSION, Journal, TextState
from zerofleet.replay.imports.pgn import SPEC as CHESS
from zerofleet.replay.imports.pgn import PgnGames
from zerofleet.replay.imports.sgf import SgfGames
from zerofleet.replay.imports.text import (
    ImportFilesError,
    Source,
    Text,
    UnreadableTextError,
)
from zerofleet.run.atomic import write_atomic
from zerofleet.run.faults import fault_point
from zerofleet.run.software import software_version
from zerofleet.run.words import counted

SHARD_POSITIONS = 100_000
_TEXT_BYTES = 1 << 30
_PLY_FLAGS = _core.PLY_POLICY_TARGET | _core.PLY_VALUE_TARGET
_SGF = re.compile(rb"\(\s*;\s*[A-Za-z]+\s*\[")
_PGN_TAG = re.compile(rb'\[\s*\w+\s*"')


@dataclass
class SourceReport:
    """What came of one source in this call, and what had come of its text before."""

    source: Source
    num_before: int = 0
    """Games of the same text that were imported by an earlier call."""
    num_imported: int = 0
    num_positions: int = 0
    num_cut: int = 0
    """Games whose last moves our rules do not allow."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Games by why they were left out."""
    error: str = ""
    """Why the source could not be read, or not to its end."""
    note: str = ""


@dataclass
class ImportReport:
    """What an import did."""

    spec: str
    sources: list[SourceReport]
    num_shards: int
    """Written in this call."""
    total_games: int
    """In the directory, those of earlier calls included."""
    total_positions: int
    skipped_path: Path | None
    """Where skipped games are described."""
    is_full: bool
    """`max_games` ended it."""


@dataclass
class Progress:
    """Told while an import runs."""

    num_games: int = 0
    num_positions: int = 0
    num_skipped: int = 0
    num_bytes: int = 0
    """Of the files, as they lie there."""


def import_games(
    sources: Sequence[Source],
    run_dir: Path,
    *,
    spec: str = "",
    filters: Filters | None = None,
    max_games: int | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> ImportReport:
    """Imports games into `run_dir`/imports.

    Args:
      spec: the only game that is wanted; empty: that of the first games, or of the directory.
      max_games: of these texts in the whole, those of earlier calls included.
      on_progress: called about once for each piece of text.
    Raises: ImportFilesError if nothing can be imported at all; StoreError if the directory cannot
      be written. A source that cannot be read is told in its report, and the next one is read.
    """
    with Journal(run_dir) as journal:
        if spec and journal.spec and spec != journal.spec:
            raise ImportFilesError(
                f"{journal.folder} holds games of {journal.spec}, and {spec} is asked for: give "
                "another --run-dir"
            )
        importer = _Importer(journal, spec or journal.spec, filters or Filters(), max_games)
        importer.on_progress = on_progress
        reports = []
        for source in sources:
            reports.append(SourceReport(source))
            importer.read(reports[-1])
        importer.flush()
        return ImportReport(
            spec=journal.spec or spec,
            sources=reports,
            num_shards=importer.num_shards,
            total_games=journal.next_game,
            total_positions=journal.num_positions,
            skipped_path=journal.report_path,
            is_full=importer.is_full,
        )


class _Importer:
    def __init__(
        self, journal: Journal, spec: str, filters: Filters, max_games: int | None
    ) -> None:
        self._journal = journal
        self._spec = spec
        self._filters = filters
        self._max_games = max_games
        self._by_head: dict[tuple[int, str], list[TextState]] = {}
        self._by_path: dict[str, list[TextState]] = {}
        for state in journal.texts:
            self._register(state)
        self._taken: set[int] = set()
        self._num_taken = 0
        self._games: list[ImportedGame] = []
        self._num_positions = self._text_bytes = 0
        self._touched: dict[int, TextState] = {}
        self.num_shards = 0
        self.progress = Progress()
        self.on_progress: Callable[[Progress], None] = lambda _: None

    @property
    def is_full(self) -> bool:
        return self._max_games is not None and self._num_taken >= self._max_games

    def read(self, report: SourceReport) -> None:
        """Imports one source; what is wrong with it is in the report."""
        if self.is_full:
            return
        try:
            candidates = self._read(report, None)
            while candidates is not None:
                candidates = self._read(report, candidates)
        except UnreadableTextError as error:
            report.error = str(error)

    def _read(
        self, report: SourceReport, candidates: list[TextState] | None
    ) -> list[TextState] | None:
        """Reads the source from its start.

        Args:
          candidates: texts imported before that this one may be; None: to be looked up.
        Returns: those that are left if it is not the most likely one: to be read again; else None.
        """
        with Text(report.source, self._count_bytes) as text:
            head = _head(text)
            if not head:
                raise UnreadableTextError("is empty")
            self._check_format(head)
            if candidates is None:
                candidates = self._candidates(report.source, head)
            hasher = hashlib.sha256()
            if not candidates:
                self._take(report, self._new(report.source, head), text, head, hasher)
                return None
            *others, state = candidates
            tail = _skip(text, head, state, hasher)
            if tail is not None:
                self._continue(report, state, text, tail, hasher)
                return None
        if not report.source.is_file:
            raise UnreadableTextError(
                f"begins as {state.path or 'an earlier one'} does, which was imported before, and "
                "differs after that: save it in a file and import that"
            )
        return others

    def _continue(
        self,
        report: SourceReport,
        state: TextState,
        text: Text,
        tail: bytes,
        hasher: "hashlib._Hash",
    ) -> None:
        """Goes on with a text of which a part, or all, was imported before."""
        if state.number in self._taken:
            report.note = f"the same text as {state.path or 'standard input'}"
        else:
            report.num_before = state.num_imported
            self._num_taken += state.num_imported
            if state.filters != asdict(self._filters):
                told = ", ".join(f"--{k.replace('_', '-')} {v}" for k, v in state.filters.items())
                report.note = (
                    f"a part of it was imported before with {told}, and is not looked at again"
                )
        self._taken.add(state.number)
        if state.done and not tail:
            return
        if self.is_full:
            return
        state.done, state.path = False, _path(report.source)
        state.filters = asdict(self._filters)
        self._take(report, state, text, tail, hasher)

    def _take(
        self,
        report: SourceReport,
        state: TextState,
        text: Text,
        piece: bytes,
        hasher: "hashlib._Hash",
    ) -> None:
        """Reads games from the place of `state` on; `piece` is what comes first there."""
        self._taken.add(state.number)
        reader: GameReader
        if self._spec.startswith("go(") or (not self._spec and _is_sgf(piece)):
            reader = SgfGames(self._filters, state.place)
        else:
            self._spec = CHESS
            reader = PgnGames(self._filters, state.place)
        unhashed = b""
        start = state.place.offset  # of unhashed

        def advance() -> None:
            nonlocal unhashed, start
            state.place = reader.place
            count = state.place.offset - start
            hasher.update(unhashed[:count])
            unhashed, start = unhashed[count:], state.place.offset
            state.sha256 = hasher.hexdigest()
            self._touched[state.number] = state

        try:
            while True:
                if piece:
                    reader.feed(piece)
                    unhashed += piece
                    self._text_bytes += len(piece)
                else:
                    reader.finish()
                while not self.is_full and (game := reader.next()) is not None:
                    self._judge(report, state, game, reader.place.num_games)
                    if self._num_positions >= SHARD_POSITIONS:
                        advance()
                        self.flush()
                advance()
                if self._text_bytes >= _TEXT_BYTES:
                    self.flush()
                self.on_progress(self.progress)
                if not piece:
                    state.done = not self.is_full
                    return
                if self.is_full:
                    return
                piece = text.read()
        except UnreadableTextError as error:
            # What was whole before the damage is kept; the text is read on if it comes whole.
            advance()
            raise UnreadableTextError(
                f"{error}; {counted(report.num_imported, 'game')} before that imported"
            ) from None

    def _judge(
        self,
        report: SourceReport,
        state: TextState,
        game: ImportedGame | SkippedGame,
        number: int,
    ) -> None:
        if isinstance(game, ImportedGame):
            self._spec = self._spec or game.spec
            if game.spec == self._spec:
                self._add(report, state, game)
                return
            reason = f"is of {game.spec}; imported are games of {self._spec}"
            game = SkippedGame("of another game", reason, game.line)
        report.skipped[game.kind] += 1
        state.skipped[game.kind] = state.skipped.get(game.kind, 0) + 1
        self.progress.num_skipped += 1
        if game.reason:
            where = f"{report.source.name}: game {number}, line {game.line}"
            self._journal.report(f"{where}: {game.reason}")

    def _add(self, report: SourceReport, state: TextState, game: ImportedGame) -> None:
        num_positions = len(game.actions)
        self._games.append(game)
        self._num_positions += num_positions
        self._num_taken += 1
        for counts in (report, state):
            counts.num_imported += 1
            counts.num_positions += num_positions
            counts.num_cut += game.num_plies_cut > 0
        self.progress.num_games += 1
        self.progress.num_positions += num_positions

    def flush(self) -> None:
        """Writes what was read as a shard, and the line of the journal."""
        journal = self._journal
        if not self._touched or not self._spec:
            return
        if not journal.spec:
            journal.begin(self._spec, next(iter(self._touched.values())).head)
        if self._games:
            games = records_of(self._games, first_game=journal.next_game)
            rules = load_game(journal.spec)
            meta = ShardMeta(
                game=rules.name,
                game_options=dict(rules.options),
                model_version=MODEL_VERSION,
                worker_id=journal.worker,
                batch=journal.next_batch,
                run_seed=0,
                software_version=software_version(),
            )
            path = journal.shard_path(journal.next_batch)
            validate(meta, games, name=path.name, game=rules)
            write_atomic(path, encode_shard(meta, games))
            fault_point("import.after_shard")
            self.num_shards += 1
        journal.commit(
            self._touched.values(), num_games=len(self._games), num_positions=self._num_positions
        )
        self._games, self._touched = [], {}
        self._num_positions = self._text_bytes = 0

    # -- texts that were imported before -----------------------------------------------------

    def _register(self, state: TextState) -> None:
        self._by_head.setdefault((state.head_bytes, state.head), []).append(state)
        self._by_path.setdefault(state.path, []).append(state)

    def _candidates(self, source: Source, head: bytes) -> list[TextState]:
        """Texts this one may be, or have grown from; the most likely last."""
        found = self._by_head.get(_head_key(head), [])
        if source.is_file:
            found = self._by_path.get(_path(source), []) + found
        return list({state.number: state for state in found}.values())

    def _new(self, source: Source, head: bytes) -> TextState:
        head_bytes, digest = _head_key(head)
        state = TextState(
            number=len(self._journal.texts),
            path=_path(source),
            head_bytes=head_bytes,
            head=digest,
            sha256=hashlib.sha256().hexdigest(),
            place=Place(),
            filters=asdict(self._filters),
        )
        self._journal.texts.append(state)
        self._register(state)
        return state

    # -- formats -----------------------------------------------------------------------------

    def _check_format(self, head: bytes) -> None:
        """Raises UnreadableTextError unless it is text that may hold games of the right kind."""
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnreadableTextError("is UTF-16: save it as UTF-8")
        if b"\0" in head:
            raise UnreadableTextError("is no text: expected games in PGN or SGF")
        is_go = self._spec.startswith("go(")
        if self._spec and is_go != _is_sgf(head):
            found = "PGN, games of chess" if is_go else "SGF, games of Go"
            raise UnreadableTextError(f"is {found}; imported here are games of {self._spec}")

    def _count_bytes(self, num_bytes: int) -> None:
        self.progress.num_bytes += num_bytes


def records_of(games: Sequence[ImportedGame], *, first_game: int) -> GameRecords:
    """Games as a shard holds them: the move that was played is the whole policy, there is no search
    value, the result is the value."""
    plies = np.array([len(game.actions) for game in games], np.int64)
    texts = [game.initial_text.encode() for game in games]
    action = np.concatenate([game.actions for game in games]).astype(np.int32, copy=False)
    first = np.array([game.first_player_return for game in games], np.float32)
    num_plies = len(action)
    return GameRecords(
        game_start=_starts(plies),
        action=action,
        ply_flags=np.full(num_plies, _PLY_FLAGS, np.uint8),
        search_value=np.full(num_plies, np.nan, np.float32),
        policy_start=np.arange(num_plies + 1, dtype=np.int64),
        policy_action=action,
        policy_prob=np.ones(num_plies, np.float16),
        returns=np.stack([first, -first], axis=1),
        termination=np.array([game.termination for game in games], np.uint8),
        game_number=np.arange(first_game, first_game + len(games), dtype=np.int64),
        initial_text=np.frombuffer(b"".join(texts), np.uint8),
        initial_start=_starts(np.array([len(text) for text in texts], np.int64)),
    )


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _path(source: Source) -> str:
    return str(source.path.resolve()) if source.path is not None else ""


def _is_sgf(head: bytes) -> bool:
    found, tag = _SGF.search(head), _PGN_TAG.search(head)
    return found is not None and (tag is None or found.start() < tag.start())


def _head(text: Text) -> bytes:
    """The first bytes of a text: HEAD_BYTES or more, or all."""
    head = b""
    while len(head) < HEAD_BYTES and (piece := text.read()):
        head += piece
    return head


def _head_key(head: bytes) -> tuple[int, str]:
    head = head[:HEAD_BYTES]
    return len(head), hashlib.sha256(head).hexdigest()


def _skip(text: Text, head: bytes, state: TextState, hasher: "hashlib._Hash") -> bytes | None:
    """Passes over what was imported before; returns what comes next, or None if it differs."""
    piece, left = head, state.place.offset
    while len(piece) < left:
        hasher.update(piece)
        left -= len(piece)
        piece = text.read()
        if not piece:
            return None
    hasher.update(piece[:left])
    if hasher.hexdigest() != state.sha256:
        return None
    return piece[left:] or text.read()
