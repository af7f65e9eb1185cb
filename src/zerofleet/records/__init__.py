"""The shard: finished games in one .npz file, written, read and replayed."""

from zerofleet.records.encode import EncodedPositions, encode
from zerofleet.records.errors import ShardError
from zerofleet.records.read import decode_shard, read_shard
from zerofleet.records.shard import FORMAT_VERSION, GameRecords, ShardMeta
from zerofleet.records.validate import ReplayedPositions, check_identity, replay, validate
from zerofleet.records.write import encode_shard

__all__ = [
    "FORMAT_VERSION",
    "EncodedPositions",
    "GameRecords",
    "ReplayedPositions",
    "ShardError",
    "ShardMeta",
    "check_identity",
    "decode_shard",
    "encode",
    "encode_shard",
    "read_shard",
    "replay",
    "validate",
]
