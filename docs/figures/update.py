"""Write the figures of these docs again from a finished run of the embedded default, and pictures of its report.html.

python docs/figures/update.py [RESULTS]    # the pictures need Chromium, and `npm ci` in page/
"""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
from PIL import Image

from trex.config import load_config, load_yaml
from trex.layout import CHOSEN, Layout
from trex.report import figures, figures_validation
from trex.report.figures_vocabulary import vocabulary
from trex.report.results import Results
from trex.report.vocabulary_page import Vocabularies

ROOT = Path(__file__).parents[2]
SHOWN = ("mixture_bars", "sampled_support", "pareto_front", "predicted_measured", "full_scale_gains", "full_scale_nsl",
         "rank_invariance", "learning_curve", "full_scale_choice", "vocabulary_size", "vocabulary")  # fmt: skip
DPI, COLOURS = 100, 64  # 5 to 30 kB a figure
HERE = Path(__file__).parent


def main(folder: Path) -> None:
    results = Results.load(Layout(folder), load_config(load_yaml(ROOT / "config/config.yaml"), ROOT))
    drawn = figures.search_figures(results) | figures_validation.full_scale_figures(results)
    drawn["vocabulary"] = vocabulary(_vocabularies(Layout(folder), results))
    for name in SHOWN:
        picture = io.BytesIO()
        drawn[name].savefig(picture, format="png", dpi=DPI)
        _save(picture, HERE / f"{name}.png", COLOURS)
    _take_pictures(Layout(folder).report)


def _save(picture: io.BytesIO | Path, path: Path, colours: int) -> None:
    few_colours = Image.open(picture).convert("RGB").quantize(colours, Image.Quantize.MAXCOVERAGE)
    few_colours.save(path, optimize=True)


def _take_pictures(page: Path) -> None:
    """report_*.png: what a browser shows of the page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not (chromium and shutil.which("node") and (ROOT / "page/node_modules").exists()):
        sys.exit("report_*.png are the old ones: new ones need Chromium, node, and `npm ci` in page/")
    subprocess.run(["node", ROOT / "page/tools/screenshots.mjs", chromium, page, HERE], check=True)
    for picture in HERE.glob("report_*.png"):
        _save(picture, picture, 256)


def _vocabularies(files: Layout, results: Results) -> Vocabularies:
    paths = {
        "gates": files.gates,
        "composition": files.composition,
        "entries": files.inspected("tokenizers", CHOSEN, "vocabulary"),
        "words": files.tokenizer_quality(CHOSEN, "words"),
    }
    tables = {name: pl.read_parquet(path) for name, path in paths.items()}
    return Vocabularies(
        **tables, name=CHOSEN, corpora=results.corpora, trained=[CHOSEN, *results.trained], waived=[]
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "results"))
