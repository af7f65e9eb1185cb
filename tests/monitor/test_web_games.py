"""Games on the page in a real Chromium: the viewer steps, the net answers, a game ends properly."""

import json
import urllib.error
import urllib.request

import pytest
from game_runs import game_run
from web_kit import SECONDS, chromium, opened, see, served

from support import require
from zerofleet import load_game
from zerofleet.monitor.replays import Replays


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def pieces(page) -> int:
    return page.locator('.board circle[fill="#d9382e"], .board circle[fill="#f2c230"]').count()


def test_the_viewer_steps_through_games_and_asks_the_net(tmp_path, browser):
    require("torch")
    store = game_run(tmp_path / "run", "connect_four")
    replays = Replays(store)
    name = replays.list_shards()[0]["name"]
    game = replays.replay(name, 0)
    last = len(game["frames"]) - 1
    with served(tmp_path / "run") as url, opened(browser, url) as page:
        see(page, "[data-field=name]", "connect_four")
        assert not page.locator('[data-view="play"]').is_visible()
        page.click('[data-view="games"]')
        see(page, "[data-field=where]", f"0 of {last}: start")
        assert pieces(page) == 0
        listed = page.locator(".moves li b")
        assert listed.all_inner_texts() == [m["text"] for m in game["frames"][0]["policy"]]
        shares = page.locator(".moves li span").all_inner_texts()
        assert shares[0] == f"{100 * game['frames'][0]['policy'][0]['policy']:.1f} %"
        for ply in (1, 2, 3):
            page.click('button[title="Forward"]')
            move = game["frames"][ply]["move"]
            who = ("Red", "Yellow")[move["by"]]
            see(page, "[data-field=where]", f"{ply} of {last}: {who} {move['text']}")
            assert pieces(page) == ply
        page.keyboard.press("ArrowLeft")
        assert pieces(page) == 2
        value = game["frames"][2]["value"]
        assert f"Red {100 * (1 + value) / 2:.0f} %" in page.inner_text(".value")
        page.click('button[title="End"]')
        assert pieces(page) == last
        assert "won" in page.inner_text("[data-field=facts]")
        page.click('button[title="Start"]')
        page.click(".ask input")
        see(page, "#games .side h2", "Version v0001")
        assert page.locator(".moves li").count() == 7
        page.select_option('select[aria-label="Game"]', "1")
        see(page, "[data-field=where]", f"0 of {len(replays.replay(name, 1)['frames']) - 1}: start")


@pytest.mark.parametrize("name", ["chess", "go", "othello", "ultimate_ttt", "twenty48"])
def test_every_game_has_a_board(tmp_path, browser, name):
    store = game_run(tmp_path / "run", name, num_games=1, net=False)
    game = Replays(store).replay("v0001_w0_0001.npz", 0)
    with served(tmp_path / "run") as url, opened(browser, f"{url}#games", width=390) as page:
        score = ", score 0" if name == "twenty48" else ""
        see(page, "[data-field=where]", f"0 of {len(game['frames']) - 1}: start{score}")
        page.keyboard.press("End")
        frame = game["frames"][-1]
        drawn = {
            "chess": lambda: page.locator(".board .glyph").count(),
            "go": lambda: page.locator('.board circle[r="4.7"]').count(),
            "othello": lambda: page.locator('.board circle[r="4"]').count(),
            "ultimate_ttt": lambda: page.locator(
                '.board [stroke-width="1.3"][stroke-linecap]'
            ).count(),
            "twenty48": lambda: page.locator(".board text").count(),
        }[name]()
        assert drawn == sum(cell not in (".", 0) for cell in frame["board"])
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_game_against_the_net_is_played_to_its_end(tmp_path, browser):
    require("torch")
    game_run(tmp_path / "run", "tic_tac_toe")
    rules = load_game("tic_tac_toe")
    with (
        served(tmp_path / "run", allow_play=True) as url,
        opened(browser, f"{url}#play") as page,
    ):
        see(page, "[data-field=turn]", "You are X. Your move.")
        page.select_option(".chooser select", "quick")
        for mine in range(5):
            state = rules.initial_state()
            for action in page_actions(page, 2 * mine - 1):
                state.apply(action)
            if state.is_terminal:
                break
            page.locator(f'.target[data-cell="{state.legal_actions()[0]}"]').click()
        final = rules.initial_state()
        for action in page_actions(page, 0):
            final.apply(action)
        first = final.returns()[0]
        end = {1.0: "You won (X won)", -1.0: "The net won (O won)", 0.0: "Drawn"}[first]
        see(page, "[data-field=turn]", f"The game is over. {end}.")
        assert page.locator(".target").count() == 0
        # Taken back, the game goes on; begun anew, the net may begin.
        page.click("text=Take back")
        see(page, "[data-field=turn]", "You are X. Your move.")
        page.click("text=What does the net think?")
        page.wait_for_selector(".moves li")
        page.click("text=New game, the net begins")
        see(page, "[data-field=turn]", "You are O. Your move.")
        assert len(page_actions(page, 1)) == 1


def page_actions(page, least: int) -> list[int]:
    """The actions of the game on the page, once the net has answered."""
    from playwright.sync_api import expect

    expect(page.locator(".board.waiting")).to_have_count(0, timeout=1000 * SECONDS)
    expect(page.locator("[data-field=turn]")).not_to_contain_text(
        "thinking", timeout=1000 * SECONDS
    )
    texts = page.inner_text("[data-field=history]").split()
    moves = [text for text in texts if text not in ("you", "net") and not text.endswith(".")]
    assert len(moves) >= least
    game = load_game("tic_tac_toe")
    state, actions = game.initial_state(), []
    for text in moves:
        actions.append(game.action_from_text(state, text))
        state.apply(actions[-1])
    return actions


def test_without_leave_nobody_plays(tmp_path, browser):
    game_run(tmp_path / "run", "tic_tac_toe", net=False)
    with served(tmp_path / "run") as url:
        with opened(browser, f"{url}#play") as page:
            see(page, "[data-field=name]", "tic_tac_toe")
            assert page.locator("#overview").is_visible()
        request = urllib.request.Request(
            f"{url}api/play",
            data=json.dumps({"actions": []}).encode(),
            headers={"content-type": "application/json"},
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        assert refused.value.code == 404
