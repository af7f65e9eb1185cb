import hashlib

import pytest
from command import call

from support import require
from zerofleet import _core

require("torch")


@pytest.mark.parametrize("game", ["ultimate_ttt", "connect_four"])
def test_import_and_export_give_the_same_bytes(tmp_path, capsys, game):
    original = tmp_path / "net.nnue"
    original.write_bytes(_core.NnueNetwork.random(game, 64, 32, 32, 2).to_bytes())
    assert call(capsys, "import", original, tmp_path / "net.pt").returncode == 0
    done = call(capsys, "export", tmp_path / "net.pt", tmp_path / "again.nnue")
    assert done.stdout.startswith(f"wrote {tmp_path / 'again.nnue'} (")
    assert (tmp_path / "again.nnue").read_bytes() == original.read_bytes()


def test_an_altered_file_is_refused(tmp_path, capsys):
    data = bytearray(_core.NnueNetwork.random("connect_four", 64, 32, 32, 2).to_bytes())
    data[500] ^= 1
    (tmp_path / "net.nnue").write_bytes(data)
    done = call(capsys, "import", tmp_path / "net.nnue", tmp_path / "net.pt")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert hashlib.sha256(data[:-32]).hexdigest()[:8] in done.stderr
    assert not (tmp_path / "net.pt").exists()
    wrong_name = call(capsys, "export", tmp_path / "net.nnue", tmp_path / "net.txt")
    assert "expected a name that ends in .nnue" in wrong_name.stderr
    assert wrong_name.returncode == 2
