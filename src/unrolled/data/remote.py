"""Data files that are fetched once, with their addresses and checksums."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

FOLDER_VARIABLE = "UNROLLED_DATA"

_GITHUB = "https://raw.githubusercontent.com"
_AEON = f"{_GITHUB}/aeon-toolkit/aeon/v1.6.0/aeon/datasets/data"
_ETT = f"{_GITHUB}/zhouhaoyi/ETDataset/1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small"
_LSTNET = (
    f"{_GITHUB}/laiguokun/multivariate-time-series-data/7f402f185cc2435b5e66aed13a3b560ed142e023"
)
_CHAR_RNN = f"{_GITHUB}/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"

# {problem: (sha256 of its train part, of its test part)}
_UCR = {
    "ArrowHead": (
        "a83c470aaf611a5f5284377cce27a5fc9f6292bc3d110257b0fd4905ced5ee72",
        "5417dab42626d41df5e435bb22458c2df40dfad4bcd3b59559bbe72e20e84904",
    ),
    "BasicMotions": (
        "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
        "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
    ),
    "GunPoint": (
        "f842401779fd9800d247d8b33121a1a4643710a19b24917dbdd9a060ca8630d5",
        "79332750788a6227b325b96bd0d70130c8eb707b9731f8d7dec62b7a7d36017e",
    ),
    "ItalyPowerDemand": (
        "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c",
        "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144",
    ),
    "JapaneseVowels": (
        "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
        "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
    ),
    "UnitTest": (
        "6ce264a7cd41ccfb285e61831dc977a5572e17558551b251d0f1e427c8b9d335",
        "1c28892222289640d0fb156823e183dd79e489e340cfcff16e5af3cf575fd218",
    ),
}
UCR_PROBLEMS = tuple(_UCR)

# {data set: {file: (address, sha256)}}
FILES: dict[str, dict[str, tuple[str, str]]] = {
    "ett": {
        "ETTh1.csv": (
            f"{_ETT}/ETTh1.csv",
            "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
        ),
        "ETTh2.csv": (
            f"{_ETT}/ETTh2.csv",
            "a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b",
        ),
    },
    "exchange_rate": {
        "exchange_rate.txt.gz": (
            f"{_LSTNET}/exchange_rate/exchange_rate.txt.gz",
            "6a4fbb561dcdee43f071a83badbeec9223a335552278348656738b556f1c2e9d",
        ),
    },
    "tinyshakespeare": {
        "input.txt": (
            f"{_CHAR_RNN}/data/tinyshakespeare/input.txt",
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ),
    },
    "ucr_uea": {
        f"{problem}_{part}.ts": (f"{_AEON}/{problem}/{problem}_{part}.ts", sha256)
        for problem, both in _UCR.items()
        for part, sha256 in zip(("TRAIN", "TEST"), both, strict=True)
    },
}


def fetch(name: str, file: str) -> Path:
    """The path of one file of a data set, after its checksum was compared.

    The file is looked for as `name/file` in the folder that the environment variable
    UNROLLED_DATA names, then in the user's cache folder, and is then fetched into that cache.

    Args:
        name: "ucr_uea" (University of California, Riverside and University of East Anglia archives
            of time series; no licence stated for each set), "ett" (electricity transformer
            temperatures, CC BY-ND 4.0), "exchange_rate" (daily rates of 8 currencies, 1990 to 2016;
            no licence stated) or "tinyshakespeare" (lines of the plays, which are public domain).
        file: a file of that set, as in `unrolled.data.remote.FILES`.

    Raises:
        ValueError: there is no such set or file, UNROLLED_DATA names no folder, or a file there has
            another checksum.
        FileNotFoundError: the file is in neither folder and cannot be fetched.
    """
    if name not in FILES:
        raise ValueError(f"name must be one of {', '.join(FILES)}, got {name!r}.")
    if file not in FILES[name]:
        raise ValueError(f"file must be one of {', '.join(FILES[name])}, got {file!r}.")
    address, sha256 = FILES[name][file]
    own = _in_own_folder(name, file, sha256)
    if own is not None:
        return own
    # Imported here: only data sets that are fetched need it.
    import pooch

    try:
        path = pooch.retrieve(
            address,
            known_hash=f"sha256:{sha256}",
            fname=file,
            path=pooch.os_cache("unrolled") / name,
        )
    except (OSError, ValueError) as error:
        # pooch raises ValueError where the checksum of what came is another one.
        reason = "other sha256" if isinstance(error, ValueError) else type(error).__name__
        raise FileNotFoundError(
            f"{file} of the data set {name!r} cannot be fetched from {address} "
            f"({reason}); save it as {name}/{file} in a folder of your own and let "
            f"the environment variable {FOLDER_VARIABLE} name that folder."
        ) from error
    return Path(path)


def _in_own_folder(name: str, file: str, sha256: str) -> Path | None:
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise ValueError(f"the environment variable {FOLDER_VARIABLE} names no folder: {folder}.")
    path = Path(folder) / name / file
    if not path.is_file():
        return None
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} has sha256 {found} where {sha256} is expected; replace the file.")
    return path
