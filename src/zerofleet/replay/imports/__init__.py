"""Games of people and of other programs, from PGN and SGF, as shards."""

from zerofleet.replay.imports.games import Filters, ImportedGame, SkippedGame
from zerofleet.replay.imports.importer import ImportReport, Progress, SourceReport, import_games
from zerofleet.replay.imports.text import ImportFilesError, Source, find_sources

__all__ = [
    "Filters",
    "ImportFilesError",
    "ImportReport",
    "ImportedGame",
    "Progress",
    "SkippedGame",
    "Source",
    "SourceReport",
    "find_sources",
    "import_games",
]
