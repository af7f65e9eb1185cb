import pytest

from zerofleet.fleet.spec import FleetError, load_fleet
from zerofleet.parallel.fleet import fleet_keys, fleet_of
from zerofleet.roles.config import load_recipe

OLD = """
distributed:
  enabled: true
  workers:
    - host: 192.0.2.10
      user: go
      key_path: ~/.ssh/id_rsa
      gpu_id: 0
    - {name: big, host: gpu2, weight: 2.0, env: {TOKEN: s3cret}}
  compression: false
  batch_size: 100
  sync_interval: 50
  load_balancing: true
  worker_weights: {worker1: 1.0, big: 2.0}
self_play:
  games_per_worker: 1000
  parallel_games: 4
  batch_size: 8
"""


def read(tmp_path, text):
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    return load_fleet(path)


def test_older_files_are_read_and_set_keys_of_the_run(tmp_path):
    spec = read(tmp_path, OLD)
    first, second = spec.workers
    assert (first.name, first.where, first.gpu_id) == ("worker1", "go@192.0.2.10", 0)
    assert first.key_path.endswith("/.ssh/id_rsa")
    assert "~" not in first.key_path
    assert [spec.weight_of(worker) for worker in spec.workers] == [1.0, 2.0]
    assert second.name == "big"
    assert not spec.compression
    assert fleet_keys(spec) == {
        "selfplay.games_per_batch": 100,
        "fleet.games_between_looks": 50,
        "selfplay.num_parallel_games": 4,
        "pacing.games_per_iteration": 2000,
        "search.leaves_per_round": 2,
    }
    assert fleet_keys(spec, num_local=1)["pacing.games_per_iteration"] == 3000


def test_relative_paths_begin_at_the_file(tmp_path):
    spec = read(tmp_path, "workers: [{host: a, key_path: keys/a}]\nknown_hosts: hosts\n")
    assert spec.workers[0].key_path == str(tmp_path / "keys" / "a")
    assert spec.known_hosts == str(tmp_path / "hosts")


def test_every_mistake_is_named_at_once(tmp_path):
    with pytest.raises(FleetError) as error:
        read(
            tmp_path,
            "workers: [{host: a, prot: 22}, {user: b}, {host: c, port: 0}]\ncompresion: true\n",
        )
    text = str(error.value)
    assert text.count(str(tmp_path / "fleet.yaml: ")) == 4
    assert "unknown key 'workers.0.prot'; did you mean 'port'?" in text
    assert "workers.1.host is missing" in text
    assert "workers.2.port: Input should be greater than or equal to 1 (got 0)" in text
    assert "unknown key 'compresion'; did you mean 'compression'?" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "expected a mapping"),
        ("workers: {", "not valid YAML"),
        ("workers: [{host: a, name: x}, {host: b, name: x}]", "two workers are called 'x'"),
        ("workers: [{host: a, name: ../x}]", "not usable as a file name"),
        ("workers: [{host: -oProxyCommand=x}]", "begins with '-'"),
        ("workers: [{host: a, workdir: w}, {host: a, workdir: w}]", "have one workdir"),
        ("workers: [{host: a}]\nworker_weights: {worker2: 1}", "no worker 'worker2'; did you"),
        ("workers: [{host: a, weight: 0}]", "greater than 0"),
        ("workers: [{host: a, env: {'a b': c}}]", "no name of an environment variable"),
        ("workers: [{host: a, worker_class: thing}]", "expected FILE.py:CLASS"),
        ("distributed: {workers: []}\nself_paly: {}", "found self_paly"),
    ],
)
def test_mistakes(tmp_path, text, said):
    with pytest.raises(FleetError, match=r"fleet\.yaml") as error:
        read(tmp_path, text)
    assert said in str(error.value)


def test_a_secret_is_not_in_an_error(tmp_path):
    with pytest.raises(FleetError) as error:
        read(tmp_path, "workers: [{host: a, env: {TOKEN: [s3cret]}}]")
    assert "s3cret" not in str(error.value)


def test_a_recipe_may_have_a_fleet(tmp_path):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("game: {name: tic_tac_toe}\n" + OLD)
    assert load_recipe(str(recipe)) == {"game": {"name": "tic_tac_toe"}}
    path, spec = fleet_of(str(recipe), None)
    assert (path, len(spec.workers)) == (recipe, 2)
    recipe.write_text(recipe.read_text().replace("enabled: true", "enabled: false"))
    assert fleet_of(str(recipe), None) is None
    assert fleet_of("tic_tac_toe", str(recipe)) is None  # this host plays alone
    assert fleet_of("tic_tac_toe", None) is None
    recipe.write_text("game: {name: tic_tac_toe}  # not distributed: yet\n")
    assert fleet_of(str(recipe), None) is None
