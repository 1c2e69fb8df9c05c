"""Tables of images and their captions, and files of images, as a captioner reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.cli.screen import count
from unrolled.data.images import as_images, read_image
from unrolled.data.table_files import read

TABLES = (".csv", ".tsv", ".parquet")
Size = int | tuple[int, int]
FIRST_LINE = 2  # of a file, below the names of its columns


@dataclass(frozen=True)
class CaptionColumns:
    """The columns of a table of captions.

    Attributes:
        image: holds paths, from the folder of the table where they are relative.
        caption: holds what they show.
    """

    image: str = "path"
    caption: str = "caption"

    @classmethod
    def from_config(cls, config: object, name: str) -> CaptionColumns:
        """What `to_config` gave; the defaults of a model that was saved from Python.

        Raises:
            ValueError: It is something else.
        """
        if config is None:
            return cls()
        if (
            not isinstance(config, Mapping)
            or set(config) != {"image", "caption"}
            or not all(isinstance(column, str) for column in config.values())
        ):
            raise ValueError(f"{name} does not say as it should which columns to read")
        return cls(**config)

    def to_config(self) -> dict[str, Any]:
        """Plain data, to be stored with a model."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Captioned:
    """N images with their captions, and what they are called.

    Attributes:
        name: of the part.
        paths: as they stand in the table, each once.
        images: pixels of each.
        captions: one or more of each; none where the table has no such column.
    """

    name: str
    paths: list[str]
    images: list[NDArray[Any]]
    captions: list[list[str]]

    @classmethod
    def read(
        cls,
        name: str,
        file: Path,
        columns: CaptionColumns,
        *,
        size: Size | None = None,
        alike: bool = False,
        target: bool = True,
    ) -> Captioned:
        """The images of a table, in the order in which they first come.

        Args:
            name: of the part.
            file: a .csv, .tsv or .parquet file.
            columns: which of its columns are read.
            size: pixels of a side, or (height, width), to which images are resized as they are
                read; None keeps them.
            alike: they need one size.
            target: captions are needed; else they are not read.

        Raises:
            FileNotFoundError, ValueError: The table or an image cannot be read, or sizes differ;
                says in which line.
            ModuleNotFoundError: pillow is not installed.
        """
        table = read(file, texts=True)
        wanted = {"--image": columns.image} | ({"--caption": columns.caption} if target else {})
        for option, column in wanted.items():
            if column not in table.columns:
                raise ValueError(
                    f"{file} has no column {column!r}; name the right one of "
                    f"{', '.join(table.columns)} by {option}"
                )
        places: dict[str, int] = {}
        part = cls(name, [], [], [])
        texts = table[columns.caption].to_list() if target else [None] * len(table)
        for line, (path, text) in enumerate(
            zip(table[columns.image].to_list(), texts, strict=True), start=FIRST_LINE
        ):
            if path is None or not str(path).strip():
                raise ValueError(f"{file} line {line} names no image")
            # However a path is spelt, it is one image; what is predicted keeps each name.
            key = os.path.realpath(file.parent / str(path)) if target else str(path)
            place = places.setdefault(key, len(part.paths))
            if place == len(part.paths):
                part._add(file, line, str(path), size, alike=alike)
            if target:
                if text is None or not str(text).strip():
                    raise ValueError(f"{file} line {line} has no caption of {path}")
                part.captions[place].append(str(text))
        return part

    @classmethod
    def of_files(cls, files: Sequence[Path], size: Size | None = None) -> Captioned:
        """Image files by themselves.

        Raises:
            FileNotFoundError, ValueError: One cannot be read.
        """
        part = cls("images", [], [], [])
        for file in files:
            pixels = read_image(file)
            part.paths.append(str(file))
            part.images.append(pixels if size is None else as_images([pixels], size)[0])
        return part

    def described(self) -> str:
        """How many there are."""
        images, captions = len(self.paths), sum(map(len, self.captions))
        several = "" if images == captions else f" with {count(captions, 'caption')}"
        return f"{count(images, 'image')}{several}"

    def held_out(self, fraction: float, seed: int) -> tuple[Captioned, Captioned]:
        """Those that are kept and a share that is not.

        Raises:
            ValueError: One of the two would be empty.
        """
        num = round(len(self.paths) * fraction)
        if not 1 <= num < len(self.paths):
            raise ValueError(
                f"--test-fraction {fraction:g} of {count(len(self.paths), 'image')} leaves none in "
                f"one part; give another one"
            )
        order = np.random.default_rng(seed).permutation(len(self.paths))
        return (
            self.taken(np.sort(order[num:]), self.name),
            self.taken(np.sort(order[:num]), "held out"),
        )

    def taken(self, rows: Any, name: str) -> Captioned:
        """Some of them, by another name."""
        return Captioned(
            name,
            [self.paths[i] for i in rows],
            [self.images[i] for i in rows],
            [self.captions[i] for i in rows] if self.captions else [],
        )

    def _add(self, file: Path, line: int, path: str, size: Size | None, *, alike: bool) -> None:
        try:
            pixels = read_image(file.parent / path)
            if size is not None:
                pixels = as_images([pixels], size)[0]
        except (OSError, ValueError) as error:
            kind = FileNotFoundError if isinstance(error, FileNotFoundError) else ValueError
            raise kind(f"{file} line {line}: {error}") from error
        if alike and self.images and pixels.shape[:2] != self.images[0].shape[:2]:
            ours, first = (" x ".join(map(str, p.shape[:2])) for p in (pixels, self.images[0]))
            raise ValueError(
                f"{file} line {line}: {path} is of {ours} pixels and {self.paths[0]} of {first}; "
                f"give --image-size, to which all are resized"
            )
        self.paths.append(path)
        self.images.append(pixels)
        self.captions.append([])


def nearest_captions(
    learnt: Sequence[NDArray[Any]],
    captions: Sequence[str],
    images: Sequence[NDArray[Any]],
    shape: tuple[int, ...],
) -> list[str]:
    """For each image the caption of the learnt one whose pixels are nearest, by squared distances.

    Args:
        learnt: images.
        captions: one of each.
        images: those that are asked for.
        shape: (height, width, channels) at which they are compared.
    """
    height, width, channels = shape
    known, asked = (
        as_images(list(part), (height, width), channels).reshape(len(part), -1).astype(np.float32)
        for part in (learnt, images)
    )
    size = (known**2).sum(axis=1)
    return [captions[int((size - 2.0 * (known @ one)).argmin())] for one in asked]
