#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tables and curves of docs/pretraining.md from the run folders of run.sh.

    python3 bench/pretraining/page.py RUNS DOCS_FOLDER

Writes pretraining_loss.svg, pretraining_noise.svg, and the tables between the page's marks.
"""
import json
import math
import pathlib
import re
import sys

RUNS = [("SGD, momentum 0.9", "sgd-paper", "#888888"), ("SignSGD", "signsgd-paper", "#d1495b"),
        ("Muon", "heavy-tail-paper-muon", "#2a6f97"), ("AdamW", "heavy-tail-paper-adamw", "#e09f3e")]
PREDICTED = {"sgd": "SGD", "signsgd": "SignSGD", "muon": "Muon", "adamw": "AdamW"}  # in the order of RUNS
WIDTH, HEIGHT, LEFT, BOTTOM = 720, 320, 56, 36


def read(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines() if line.strip()]
    return {"validation": [(m["step"], m["val_loss"]) for m in lines if m.get("val_loss") is not None],
            "training": [(m["step"], m["train_loss"]) for m in lines if m.get("train_loss") is not None],
            "noise": [m for m in lines if m.get("noise_density") is not None],
            "tokens": lines[-1]["tokens"]}


def passage(curve, loss):
    """The step at which the curve, straight between its points, is first at or below `loss`."""
    for (s0, l0), (s1, l1) in zip(curve, curve[1:]):
        if l1 <= loss:
            return s0 + (s1 - s0) * (l0 - loss) / (l0 - l1) if l0 > loss else s0
    return math.nan


def speedup(reference, own):
    common = max(reference[-1][1], own[-1][1])
    return passage(reference, common) / passage(own, common), common


def chart(series, title, label):
    points = [p for _, _, curve in series for p in curve]
    top, low = max(y for _, y in points), min(y for _, y in points)
    last = max(x for x, _ in points)
    px = lambda x: LEFT + (WIDTH - LEFT - 120) * x / last
    py = lambda y: 16 + (HEIGHT - BOTTOM - 16) * (top - y) / (top - low)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f"<title>{title}</title>", '<rect width="100%" height="100%" fill="#ffffff"/>']
    for i in range(5):
        y = low + (top - low) * i / 4
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - 120}" y1="{py(y):.1f}" y2="{py(y):.1f}" stroke="#dddddd"/>'
                   f'<text x="{LEFT - 6}" y="{py(y) + 4:.1f}" text-anchor="end">{y:.3g}</text>')
        x = last * i / 4
        out.append(f'<text x="{px(x):.1f}" y="{HEIGHT - 16}" text-anchor="middle">{x:.0f}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - 120) / 2}" y="{HEIGHT - 2}" text-anchor="middle">step</text>'
               f'<text x="{LEFT}" y="11">{label}</text>')
    placed = []
    for name, color, curve in sorted(series, key=lambda s: -s[2][-1][1]):
        path = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in curve)
        y = py(curve[-1][1]) + 4
        while any(abs(y - other) < 13 for other in placed):
            y += 1
        placed.append(y)
        out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>'
                   f'<text x="{px(last) + 6:.1f}" y="{y:.1f}" fill="{color}">{name}</text>')
    return "\n".join(out) + "\n</svg>\n"


def loss_table(runs):
    steps = [step for step, _ in runs[0][2]["validation"]]
    rows = ["| validation loss at step | " + " | ".join(map(str, steps)) + " | steps for SGD's / own for the same loss |",
            "|---|" + "--:|" * (len(steps) + 1)]
    reference = runs[0][2]["validation"]
    for name, _, run in runs:
        value, common = speedup(reference, run["validation"])
        losses = " | ".join(f"{loss:.3f}" for _, loss in run["validation"])
        rows.append(f"| {name} | {losses} | {value:.2f} (at {common:.2f}) |")
    return "\n".join(rows)


def noise_table(runs):
    steps = [m["step"] for m in runs[0][2]["noise"]]
    shown = [s for i, s in enumerate(steps) if i % 3 == 0 or i == len(steps) - 1]
    rows = ["| noise density phi at step | " + " | ".join(map(str, shown)) + " |", "|---|" + "--:|" * len(shown)]
    for name, _, run in runs:
        at = {m["step"]: m for m in run["noise"]}
        cells = [f'{at[s]["noise_density"]:.3f} ± {at[s]["noise_density_se"]:.3f}' if s in at else "-" for s in shown]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def ratio(value):
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def prediction_table(runs, prediction):
    """The probe's prediction beside the same ratios of the runs."""
    curves = {name: run["validation"] for name, (_, _, run) in zip(PREDICTED, runs)}
    said = {row["optimizer"]: row for row in prediction if row["optimizer"] in PREDICTED}
    measured = {name: speedup(curves["sgd"], curve)[0] for name, curve in curves.items()}
    fastest = sorted(PREDICTED, key=lambda name: -said[name]["speedup_vs_sgd"])
    lowest = sorted(PREDICTED, key=lambda name: curves[name][-1][1])
    best = max(PREDICTED, key=lambda name: said[name]["probability_best"])
    rows = ["| | predicted (80 % interval) | measured |", "|---|---|---|",
            f'| best | {PREDICTED[best]} (probability {said[best]["probability_best"]:.2f}) | {PREDICTED[lowest[0]]} |',
            f'| order | {", ".join(map(PREDICTED.get, fastest))} | {", ".join(map(PREDICTED.get, lowest))} |']
    for other, reference, low, high in (("sgd", "speedup_vs_sgd", "low", "high"),
                                        ("adamw", "speedup_vs_adamw", "low_vs_adamw", "high_vs_adamw")):
        for name in ("signsgd", "adamw", "muon"):
            if name == other:
                continue
            row = said[name]
            against = measured[name] if other == "sgd" else speedup(curves[other], curves[name])[0]
            rows.append(f"| {PREDICTED[name]} over {PREDICTED[other]} | {ratio(row[reference])} ({ratio(row[low])} - "
                        f"{ratio(row[high])}) | {ratio(against)} |")
    return "\n".join(rows)


def between_marks(text, name, content):
    marked = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.S)
    if not marked.search(text):
        sys.exit(f"page.py: no marks for '{name}' in the page")
    return marked.sub(lambda m: m[1] + content + "\n" + m[2], text)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, docs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    runs = [(name, color, read(folder / preset)) for name, preset, color in RUNS]
    (docs / "pretraining_loss.svg").write_text(
        chart([(n, c, r["validation"]) for n, c, r in runs], "Validation loss of GPT-2 124M", "validation loss"))
    (docs / "pretraining_noise.svg").write_text(
        chart([(n, c, [(m["step"], m["noise_density"]) for m in r["noise"]]) for n, c, r in runs],
              "Noise density along the runs", "phi"))
    page = docs / "pretraining.md"
    text = between_marks(page.read_text(), "losses", loss_table(runs))
    probe = json.loads((folder / "probe" / "result.json").read_text())
    text = between_marks(text, "prediction", prediction_table(runs, probe["prediction"]))
    page.write_text(between_marks(text, "noise", noise_table(runs)))


if __name__ == "__main__":
    main()
