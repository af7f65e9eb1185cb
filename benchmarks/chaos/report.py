"""The report of a campaign, for people."""

from typing import Any

FACTS = ("date", "commit", "processor", "cores", "seed", "minutes", "at_once")


def markdown(result: dict[str, Any]) -> str:
    """The whole report from what `chaos.json` holds."""
    runs = result["runs"]
    total = result["total"]
    lines = [
        "# Chaos",
        "",
        f"{total['faults']:,} faults in {len(runs)} runs; {total['games_delivered']:,} finished "
        f"games delivered; lost: {total['games_lost']}, counted twice: {total['games_doubled']}, "
        f"corrupt reads: {total['corrupt_reads']} of {total['reads']:,}; left running: "
        f"{total['left_running']}; findings: {total['findings']}.",
        "",
        "    python -m benchmarks.chaos " + result["command"],
        "",
        *(f"- {key}: {result[key]}" for key in FACTS),
        "",
        "| recipe | minutes | faults | loops | games delivered | counted | pending | "
        "in shards that were damaged | lost | doubled | reads | corrupt |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for run in runs:
        cells = [
            f"{run['minutes']:.1f}",
            *(
                f"{run[key]:,}"
                for key in (
                    "num_faults",
                    "loops",
                    "games_delivered",
                    "games_counted",
                    "games_pending",
                    "games_in_damaged_shards",
                    "games_lost",
                    "games_doubled",
                    "reads",
                    "corrupt_reads",
                )
            ),
        ]
        lines.append(f"| {run['recipe']} | " + " | ".join(cells) + " |")
    kinds = sorted({kind for run in runs for kind in run["faults"]})
    lines += [
        "",
        "## Faults",
        "",
        "| fault | " + " | ".join(r["recipe"] for r in runs) + " | all |",
    ]
    lines.append("|---|" + "---:|" * (len(runs) + 1))
    for kind in kinds:
        numbers = [run["faults"].get(kind, 0) for run in runs]
        lines.append(f"| {kind} | " + " | ".join(map(str, (*numbers, sum(numbers)))) + " |")
    lines += ["", "## What came of them", ""]
    lines += _what_came(runs)
    lines += ["", "## Memory", ""]
    lines += [
        "Resident size of lives of at least 25 processor seconds: growth in their last half, the "
        "first 15 left out; and the largest of all lives in the first and in the last third of a "
        "run.",
        "",
        "| recipe | role | lives | longest, s | largest growth, MiB | peak of the first third, MiB "
        "| of the last third, MiB | flat |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for run in runs:
        for role, memory in run["memory"].items():
            judged = bool(memory["long_lives"])
            grown = memory["largest_growth_mib"] if judged else "no long life"
            verdict = ("yes" if memory["is_flat"] else "NO") if judged else "not judged"
            lines.append(
                f"| {run['recipe']} | {role} | {memory['lives']} | {memory['longest_seconds']} | "
                f"{grown} | {memory['peak_first_third_mib']} | {memory['peak_last_third_mib']} | "
                f"{verdict} |"
            )
    lines += ["", "## Findings", ""]
    found = [f"- {run['recipe']}: {text}" for run in runs for text in run["findings"]]
    lines += found or ["None."]
    return "\n".join(lines) + "\n"


def _what_came(runs: list[dict[str, Any]]) -> list[str]:
    outcomes: dict[str, int] = {}
    ends: dict[str, int] = {}
    for run in runs:
        for key, number in run["outcomes"].items():
            outcomes[key] = outcomes.get(key, 0) + number
        for key, number in run["own_ends"].items():
            ends[key] = ends.get(key, 0) + number
        for key, number in run["rejected"].items():
            name = f"shards in rejected/: {key}"
            outcomes[name] = outcomes.get(name, 0) + number
    lines = [f"- {key}: {number}" for key, number in sorted(outcomes.items())]
    lines += ["", "Processes that ended by themselves, and were started again:", ""]
    lines += [f"- {number} x {key}" for key, number in sorted(ends.items())] or ["- none"]
    return lines
