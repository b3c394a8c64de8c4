"""Confidence over the steps of a run: python confidence.py TOKENS.csv STEPS.csv PICTURE.png"""

# %% Read the tables. With pandas: tokens = pandas.read_csv(...), and tokens[tokens.state == "masked"] for the filter.
import sys

import matplotlib.pyplot as plt
import polars as pl

tokens = pl.read_csv(sys.argv[1], infer_schema_length=None)
steps = pl.read_csv(sys.argv[2], infer_schema_length=None)

# %% What was proposed and stayed masked, and what was written in the very step.
proposed = tokens.filter((pl.col("state") == "masked") & pl.col("proposal").is_not_null())
written = tokens.filter(pl.col("written") == pl.col("step"))
spread = proposed.group_by("step").agg(
    pl.col("confidence").median().alias("median"),
    pl.col("confidence").quantile(0.25).alias("low"),
    pl.col("confidence").quantile(0.75).alias("high"),
).sort("step")
print(written.group_by("reason").agg(pl.len().alias("tokens"), pl.col("confidence").mean()).sort("tokens", descending=True))

# %% Draw them over the steps, and beside it how many tokens are still masked.
figure, (above, below) = plt.subplots(
    2, 1, sharex=True, figsize=(7, 4.2), dpi=110, height_ratios=[3, 1], layout="constrained"
)
above.fill_between(spread["step"], spread["low"], spread["high"], color="#56b4e9", alpha=0.35, lw=0,
                   label="masked: middle half of the proposals")
above.plot(spread["step"], spread["median"], color="#0072b2", lw=1.5, label="masked: median")
above.scatter(written["step"], written["confidence"], s=9, color="#d55e00", label="written in this step", zorder=3)
above.set(ylabel="confidence", ylim=(0, 1.03))
above.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=8)
below.fill_between(steps["step"], steps["masked"], step="post", color="#999999", lw=0)
below.set(xlabel="step", ylabel="masked", xlim=(1, steps["step"].max()), ylim=(0, None))
for axes in (above, below):
    axes.spines[["top", "right"]].set_visible(False)
figure.savefig(sys.argv[3])
