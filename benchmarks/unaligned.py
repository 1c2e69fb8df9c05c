"""Sequences of other lengths and one to many: ours beside bars and published figures.

    python benchmarks/unaligned.py [PART ...] [--seeds 1] [--small] [--no-stretch] [--json FILE]

Parts:

    cmudict       spellings to sounds, CMUdict split g014b2b without stress
    multi30k      German to English, Multi30k task 1, test 2016
    beam          seconds of a beam of width 5 beside greedy, 1,000 sentences
    fsdd          spoken digits through CTC, official split
    fsdd_strings  spoken digits strung together, 3 to 7
    asterisk      telephone prompts to text, a held-out tenth
    emoji         pictures to their names, a held-out tenth
    digits        images of digits to words

Data sets are read from the folder that UNROLLED_DATA names. Arguments are chosen on validation
parts; the test part is scored once a seed. Of several seeds the mean and the standard deviation
(n - 1) are shown. `--select` scores the validation part, and gives no verdicts. A stretch is a
larger model that trains for longer.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from processor import describe
from text_bench.rows import Options, Row, as_json, summary

from unrolled.kernels.engine import get_num_threads

PARTS = ("cmudict", "multi30k", "beam", "fsdd", "fsdd_strings", "asterisk", "emoji", "digits")


def main() -> None:
    """Measure and print what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 0 on")
    parser.add_argument("--small", action="store_true", help="a few steps of small sizes")
    parser.add_argument("--no-stretch", action="store_true", help="measure the bars alone")
    parser.add_argument("--select", action="store_true", help="score the validation parts")
    parser.add_argument(
        "--models", type=Path, metavar="FOLDER", help="keep models there, and read them back"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; the parts are {', '.join(PARTS)}")
    options = Options(
        seeds=arguments.seeds,
        small=arguments.small,
        peers=False,
        stretch=not arguments.no_stretch,
        select=arguments.select,
        models=arguments.models,
    )
    machine = describe(f"{get_num_threads()} threads")
    print(machine)
    rows: list[Row] = []
    for part in arguments.parts or PARTS:
        print(f"\n{part}", flush=True)
        rows += importlib.import_module(f"unaligned_bench.{part}").run(options)
    print(f"\n{summary(rows, judged=options.judged)}")
    if arguments.json:
        found = {"machine": machine, "rows": [as_json(row) for row in rows]}
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
