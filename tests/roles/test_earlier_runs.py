"""What an earlier run left in a directory is never learned from."""

import shutil

import pytest
import run_kit
from run_kit import TINY_TREES, wait_for

from zerofleet.records.read import decode_shard
from zerofleet.records.write import encode_shard
from zerofleet.roles.config import ConfigError
from zerofleet.roles.remains import check_no_earlier_run, clear_remains
from zerofleet.run.layout import CONSUMED, DATA, REJECTED, shard_name
from zerofleet.run.models import PublishedModel, fetch_model, is_published, publish_model
from zerofleet.run.rejected import read_rejected
from zerofleet.run.shares import Share, read_share, share_key, write_share
from zerofleet.run.stats import append_stats, read_stats
from zerofleet.run.store import DirectoryStore, exists

NUM_GAMES = TINY_TREES["pacing.games_per_iteration"]


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path)


def test_a_directory_with_results_and_nothing_to_go_on_from_is_refused(store, tmp_path):
    check_no_earlier_run(store, tmp_path)
    append_stats(store, {"iteration": 3})
    with pytest.raises(ConfigError, match="statistics of an earlier run, but checkpoints/ has"):
        check_no_earlier_run(store, tmp_path)
    publish_model(store, 1, {"nnue": b"1"}, "a")
    publish_model(store, 2, {"nnue": b"2"}, "a")
    with pytest.raises(ConfigError, match="versions 1 to 2 of an earlier run"):
        check_no_earlier_run(store, tmp_path)


def test_pending_games_and_deals_are_put_aside(store):
    name = shard_name(1, "w0", 1)
    store.put(DATA + name, b"games")
    store.put(DATA + "notes.txt", b"anything")
    write_share(store, Share(7, 7, 100))
    notes = clear_remains(store)
    assert [note.split(" of an")[0] for note in notes] == ["2 files", "1 deal"]
    assert store.read(REJECTED + name) == b"games"
    assert "before this run began" in read_rejected(store)[name]
    assert not exists(store, share_key(7))
    assert clear_remains(store) == []


def test_models_know_their_run(store):
    publish_model(store, 1, {"nnue": b"1"}, "a", info={"run_id": "old"})
    model = fetch_model(store)
    assert model.run_id == "old"
    assert is_published(store, model)
    store.delete("model/manifest.json")
    assert is_published(store, model)  # nobody says otherwise yet
    publish_model(store, 1, {"nnue": b"1"}, "a", info={"run_id": "new"})
    assert not is_published(store, model)
    assert not is_published(store, PublishedModel(1, "nnue", b"2", "0" * 64, "a", "new"))


@pytest.fixture
def tree_run(forge, tmp_path):
    run = run_kit.Run(forge, tmp_path, base=TINY_TREES, recipe="tic_tac_toe")
    yield run
    run.end()


def played(run, **settings):
    trainer = run.trainer(**settings)
    worker = run.worker("w0")
    assert trainer.wait() == 0, trainer.text()
    assert worker.wait() == 0, worker.text()
    return trainer


@pytest.mark.timeout(300)
def test_a_new_run_in_a_dirty_directory(tree_run):
    """The same seed, so the same first net: only what the run is called tells old from new."""
    run, store = tree_run, tree_run.store
    played(run, pacing__max_loops=2)
    old = {name: store.read(CONSUMED + name) for name in run.names(CONSUMED)}

    shutil.rmtree(run.directory / "checkpoints")
    refused = run.trainer()
    assert refused.wait() == 2
    assert "versions 1 to 3 of an earlier run" in refused.text()

    shutil.rmtree(run.directory / "model")
    (run.directory / "training_stats.json").unlink()
    for name, data in old.items():
        store.put(DATA + name, data)
    write_share(store, Share(9, 9, 1000))
    write_share(store, Share(1, 1, 1000))
    trainer = run.trainer(pacing__max_loops=1, search__num_simulations=5)
    wait_for(lambda: read_share(store, 9) is None and run.iteration() == 0, "the new run")
    # An old worker comes back and delivers under numbers nobody has used.
    name = next(name for name in old if name.startswith("v0001"))
    meta, games = decode_shard(old[name], name=name)
    late = shard_name(1, meta.worker_id, 7777)
    store.put(DATA + late, encode_shard(meta.model_copy(update={"batch": 7777}), games))
    wait_for(lambda: late in read_rejected(store), "the late shard to be refused")
    worker = run.worker("w0")
    assert trainer.wait() == 0, trainer.text()
    assert worker.wait() == 0, worker.text()

    reasons = read_rejected(store)
    assert reasons.keys() == {*old, late}
    assert all("before this run began" in reasons[name] for name in old)
    assert "of another run" in reasons[late]
    assert read_stats(store)[-1]["games"] == NUM_GAMES
    new = [name for name in run.names(CONSUMED) if name not in old]
    metas = [decode_shard(store.read(CONSUMED + name), name=name)[0] for name in new]
    assert {meta.search["search"]["num_simulations"] for meta in metas} == {5}


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_worker_that_outlives_its_run_ends(tree_run):
    settings = {"pacing__games_per_iteration": 0, "pacing__min_new_positions": 10**9}
    trainer = tree_run.trainer(**settings)
    worker = tree_run.worker("w0")
    tree_run.wait_for_shards()
    assert trainer.stop() == 0
    for name in ("checkpoints", "model"):
        shutil.rmtree(tree_run.directory / name)
    (tree_run.directory / "training_stats.json").unlink()
    tree_run.trainer(**settings)
    assert worker.wait() == 1
    assert "holds another run" in worker.text()
