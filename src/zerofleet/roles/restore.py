"""An earlier version of a run becomes the published one, and training goes on from it.

Versions are immutable, so nothing is taken away: the bytes of version V are published once more,
under the next number, and workers take them up like any new version. The trainer's state is
committed anew with the weights of V:

    kept        the games that were counted, the window, the iteration, all counters and the
                schedule that follows from them
    from V      the weights and their average; the optimizer, if the commit of V is still kept
                (`checkpoints/latest.json`), else it begins anew

The commit comes before the publication, as in every loop: killed in between, the next start of the
trainer, or of this command, publishes what is committed. Games that were dealt before are played
by the version they were dealt to. No trainer may be alive.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from zerofleet.arena.stats import is_refused
from zerofleet.nets.tensor_file import tensors_of_formats, tensors_to_bytes
from zerofleet.roles.config import parse_config_json, resolve
from zerofleet.roles.state import LEARNER, MODEL_FILES, MODEL_NNUE, MODEL_PT, restore
from zerofleet.run.commit import Checkpoint, commit, read_checkpoints
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONFIG, TRAINER_LEASE
from zerofleet.run.lease import Lease
from zerofleet.run.models import fetch_model, read_manifest
from zerofleet.run.place import check_run_directory
from zerofleet.run.software import software_version
from zerofleet.run.store import DirectoryStore, Store
from zerofleet.training import checkpoint as nnue_checkpoint
from zerofleet.training import policy_value_checkpoint

_FORMATS = {
    nnue_checkpoint.FORMAT: nnue_checkpoint.VERSION,
    policy_value_checkpoint.FORMAT: policy_value_checkpoint.VERSION,
}


def restore_version(
    run_dir: Path, version: int, *, on_wait: Callable[[str], None] = lambda _: None
) -> int:
    """Makes an earlier version the published one; returns its new number.

    It is the number it has where that version is the published one already.

    Args:
      on_wait: told if a trainer that may be dead has to be watched for a while.
    Raises: RunError if there is no such version, if its file is damaged, or if the run has no
      commit; LeaseHeldError if its trainer is alive.
    """
    check_run_directory(run_dir)
    store = DirectoryStore(run_dir)
    known = read_manifest(store)["versions"]
    if str(version) not in known:
        numbers = sorted(map(int, known))
        there = f"it has {numbers[0]} to {numbers[-1]}" if numbers else "it has published none"
        raise RunError(f"{run_dir}: no version {version}; {there}")
    config = resolve({}, parse_config_json(store.read(CONFIG)), {})
    lease = Lease.acquire(
        store,
        TRAINER_LEASE,
        info={"software": software_version(), "device": "cpu", "restores": version},
        dead_after_seconds=config.fleet.dead_after_seconds,
        on_wait=on_wait,
    )
    error = "restoring failed"
    try:
        new = _restore(store, version, lease)
        error = ""
    finally:
        lease.release(error)
    return new


def _restore(store: Store, version: int, lease: Lease) -> int:
    checkpoints = read_checkpoints(store)
    if not checkpoints:
        raise RunError("the run has no commit yet: there is nothing to go back from")
    state = restore(store, checkpoints[-1])
    manifest = read_manifest(store)["versions"]
    architecture = str(manifest[str(version)]["architecture"])
    files = {
        f"model.{kind}": fetch_model(store, version, kind).data
        for kind in manifest[str(version)]["files"]
    }
    state.publish(store, architecture)  # what a trainer that was killed has left
    if all(state.files.get(name) == data for name, data in files.items()):
        return state.model_version
    learner = state.files[LEARNER]
    assert isinstance(learner, bytes)
    kept = _kept_learner(store, checkpoints, version)
    others = {name: data for name, data in state.files.items() if name not in MODEL_FILES}
    new = replace(
        state,
        model_version=max(state.model_version, *map(int, manifest)) + 1,
        files={**others, **files, LEARNER: _learner_of(learner, kept, files)},
    )
    commit(
        store,
        new.commit_files(),
        summary={**new.summary(), "restored_from": version},
        keep_names=(LEARNER, *MODEL_FILES),
        guard=lease.confirm,
        after=checkpoints[-1],
    )
    new.publish(store, architecture, restored_from=version)
    return new.model_version


def _kept_learner(store: Store, checkpoints: list[Checkpoint], version: int) -> bytes | None:
    """The learner that made the version, if its commit is kept and whole.

    Where a gate refused a loop, the commit has the version from before and a learner that has gone
    on since.
    """
    for kept in checkpoints:
        summary = kept.summary
        made = summary.get("model_version") == version and not is_refused(summary.get("entry", {}))
        if made and LEARNER in kept.files:
            try:
                return kept.read(store, LEARNER)
            except RunError:
                return None
    return None


def _learner_of(current: bytes, kept: bytes | None, files: dict[str, bytes]) -> bytes:
    """The learner's state with the weights of the version and its own counters."""
    content = tensors_of_formats(current, _FORMATS, source=LEARNER)
    name, number = content.pop("format"), content.pop("version")
    has_average = "average" in content
    if kept is not None:
        old = tensors_of_formats(kept, _FORMATS, source=LEARNER)
        taken = ("model", "average", "num_updates", "optimizer", "optimizer_name")
        content |= {key: old[key] for key in taken if key in old}
    else:
        weights = _weights(files)
        content |= {"model": weights, "optimizer": {}}
        if has_average:
            # Updates of a young average have a short memory; this one is as old as its weights.
            content["average"] = dict(weights)
    return tensors_to_bytes(content, format_name=name, version=number)


def _weights(files: dict[str, bytes]) -> dict[str, Tensor]:
    """The float weights of a published version."""
    if MODEL_NNUE in files:
        from zerofleet.nets.export import model_from_pt

        return {n: p.detach() for n, p in model_from_pt(files[MODEL_PT]).named_parameters()}
    from zerofleet.nets.model_file import model_from_safetensors

    return dict(model_from_safetensors(files["model.safetensors"]).state_dict())
