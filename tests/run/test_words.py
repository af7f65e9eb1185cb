from zerofleet.run.words import counted, parse_version_name, version_name


def test_counts_with_their_noun():
    assert [counted(n, "game") for n in (0, 1, 2, 1234)] == [
        "0 games",
        "1 game",
        "2 games",
        "1,234 games",
    ]
    assert [counted(n, "ply", "plies") for n in (1, 12)] == ["1 ply", "12 plies"]


def test_names_of_versions():
    assert [version_name(n) for n in (7, 12345)] == ["v0007", "v12345"]
    assert [parse_version_name(n) for n in ("v0007", "v12345", "v7", "random")] == [
        7,
        12345,
        None,
        None,
    ]
