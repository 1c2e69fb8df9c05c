"""Long memories and texts: ours beside bars, published figures and a torch.nn model of equal size.

    python benchmarks/text.py [PART ...] [--seeds 3] [--small] [--minutes 20] [--json FILE]

Parts:

    adding          the adding problem, T = 400, and 1,000 as stretch: LSTM, GRU, tanh RNN
    temporal_order  the temporal order problem, lengths 100 to 110: LSTM, GRU, tanh RNN
    copying         the copying problem, T = 100, and 500 as stretch
    reber           embedded Reber grammar: LSTM, GRU, tanh RNN
    shakespeare     tiny Shakespeare by characters
    ptb_characters  Penn Treebank by characters
    ptb_words       Penn Treebank by words
    tagging         parts of speech of UD English EWT
    sst2, trec, mr  classes of sentences
    speed           training and generation of a character LSTM of 256

Data sets are read from the folder that UNROLLED_DATA names; the tests of memory (the first four)
draw theirs. Of several seeds the mean and the standard deviation (n - 1) are shown. The torch.nn
model has the same first weights, sees the same batches in the same order and is trained by a plain
loop on as many threads for at most as many minutes as ours (`text_bench/peers.py`); `--minutes`
ends it, and the runs of the tests of memory, sooner. `--select` scores the validation part, and
gives no verdicts.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from processor import describe
from text_bench.rows import Options, Row, as_json, summary

from unrolled.kernels.engine import get_num_threads

PARTS = (
    "adding", "temporal_order", "copying", "reber", "shakespeare", "ptb_characters",
    "ptb_words", "tagging", "sst2", "trec", "mr", "speed",
)  # fmt: skip


def main() -> None:
    """Measure and print what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on")
    parser.add_argument("--small", action="store_true", help="a few steps of small sizes")
    parser.add_argument("--minutes", type=float, help="of a test of memory and a torch.nn model")
    parser.add_argument("--no-peers", action="store_true", help="train no torch.nn models")
    parser.add_argument("--no-stretch", action="store_true", help="measure the bars alone")
    parser.add_argument("--select", action="store_true", help="score the validation parts")
    parser.add_argument(
        "--models", type=Path, metavar="FOLDER", help="keep language models there, read them back"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; the parts are {', '.join(PARTS)}")
    options = Options(
        seeds=arguments.seeds,
        small=arguments.small,
        minutes=arguments.minutes,
        peers=not arguments.no_peers,
        stretch=not arguments.no_stretch,
        select=arguments.select,
        models=arguments.models,
    )
    machine = describe(f"{get_num_threads()} threads")
    print(machine)
    rows: list[Row] = []
    for part in arguments.parts or PARTS:
        print(f"\n{part}", flush=True)
        rows += importlib.import_module(f"text_bench.{part}").run(options)
    print(f"\n{summary(rows, judged=options.judged)}")
    if arguments.json:
        found = {"machine": machine, "rows": [as_json(row) for row in rows]}
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
