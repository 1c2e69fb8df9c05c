"""Pictures in: files and arrays become one array of pictures of equal size."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import checks, tables
from unrolled.data.open_files import existing_file
from unrolled.runtime.config_checks import shown, whole_number

Images = NDArray[Any]

WANTED = "a list of paths or arrays [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]"
GET_IMAGES = "pip install 'unrolled[images]'"
MAX_SIDE = 2**14
GREY, COLOUR = 1, 3
# Shares of red, green and blue in a grey of the same lightness (ITU-R BT.601).
LIGHTNESS = np.array([0.299, 0.587, 0.114])


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The pixels of an image file, by the library pillow: pip install 'unrolled[images]'.

    A picture that is turned by its EXIF data is turned so. What is transparent is laid over white;
    of several frames the first is read.

    Args:
        path: a file of a kind that pillow knows: PNG, JPEG, GIF, WebP, BMP, TIFF and others.

    Returns:
        [H, W] of a grey picture, else [H, W, 3]: red, green and blue.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no image, or a damaged one.
        ModuleNotFoundError: pillow is not installed.
    """
    library = _pillow(f"reading {os.fspath(path)}")
    file = existing_file(Path(path))
    try:
        with library.open(file) as image:
            image.load()
            from PIL import ImageOps

            return _pixels(library, ImageOps.exif_transpose(image))
    except library.DecompressionBombError as error:
        raise ValueError(f"{file} is too large for an image: {error}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ValueError(f"{file} is no image that can be read: {error}") from error


def as_images(
    X: Any,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    *,
    name: str = "X",
) -> Images:
    """Check X once and see it as pictures of one size.

    Pictures are resized, by pillow, where `size` is given and one has another size; without it all
    need one size. Colours become grey by their lightness, and grey becomes three equal channels.
    Where a picture has a fourth channel, how opaque it is, it is laid over white.

    Args:
        X: N items in a list, tuple, Series or the first axis of an array; each a path of an image
            file, or an array [H, W] (grey), [H, W, 1], [H, W, 3] or [H, W, 4] of uint8, or of
            floats from 0 to 1.
        size: pixels of a side, or (height, width), of all pictures; None takes them as they are.
        channels: 1 (grey) or 3 (red, green, blue); None is 1 where all pictures are grey, else 3.
        name: what X is called in errors.

    Returns:
        [N, H, W, channels] uint8 where all came as files or uint8, else float32 from 0 to 1.

    Raises:
        TypeError: X is no collection of these, or holds other numbers.
        FileNotFoundError: a file is not there.
        ValueError: X is empty, or a picture has another shape, NaN or numbers beyond 0 to 1, or
            the sizes differ; or a file is no image.
        ModuleNotFoundError: pillow is needed and is not installed.
    """
    wanted = None if size is None else _size(size)
    if channels not in (None, GREY, COLOUR):
        raise ValueError(f"channels must be 1, 3 or None, got {shown(channels)}")
    if isinstance(X, np.ndarray) and X.ndim in (3, 4) and X.dtype != object:
        images = _whole(X, name)
        pictures = None if images is None else list(images)
    else:
        pictures = None
    if pictures is None:
        # Each is resized as it is read: of large files only one is held whole.
        pictures = [
            _of_size(_as_image(item, f"{name}[{i}]"), wanted)
            for i, item in enumerate(_items(X, name))
        ]
    if channels is None:
        channels = COLOUR if any(p.ndim == 3 for p in pictures) else GREY
    if any(p.dtype != np.uint8 for p in pictures):
        pictures = [p / np.float32(255) if p.dtype == np.uint8 else p for p in pictures]
    first = pictures[0].shape[:2] if wanted is None else wanted
    found = np.empty((len(pictures), *first, channels), pictures[0].dtype)
    for i, picture in enumerate(pictures):
        if picture.shape[:2] != first:
            if wanted is None:
                raise ValueError(
                    f"{name}[{i}] is of {_pixels_of(picture)} and {name}[0] of "
                    f"{_pixels_of(pictures[0])} pixels; give a size to which all are resized"
                )
            picture = _of_size(picture, first)
        found[i] = _with_channels(picture, channels)
    return found


def _items(X: Any, name: str) -> list[Any]:
    checks.refuse_sparse(X, name)
    if isinstance(X, str | bytes | os.PathLike):
        raise TypeError(f"{name} is a single path, {os.fspath(X)!r:.80}; pass {WANTED}.")
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "fiub":
        raise TypeError(
            f"{name} is an array of shape {list(X.shape)}, a single picture or rows of pixels; "
            f"pass {WANTED}, or reshape it to [N, H, W]."
        )
    if tables.is_dataframe(X) or not isinstance(X, Iterable) or isinstance(X, dict | set):
        raise TypeError(f"{name} must be {WANTED}, got {type(X).__name__}.")
    items = list(X)
    if not items:
        raise checks.too_few(name, "sample", (0,))
    return items


def _whole(X: NDArray[Any], name: str) -> NDArray[Any] | None:
    """An array of pictures as they are, where nothing has to be told of one of them."""
    if X.dtype != np.uint8 or not X.size:
        return None
    if X.ndim == 3:
        return X
    return {GREY: X[..., 0], COLOUR: X}.get(X.shape[3])


def _as_image(item: Any, name: str) -> NDArray[Any]:
    """One picture [H, W] or [H, W, 3], of uint8 or of float32 from 0 to 1."""
    if isinstance(item, str | os.PathLike):
        return read_image(item)
    if not isinstance(item, np.ndarray):
        if not isinstance(item, list | tuple) and not hasattr(item, "__array__"):
            raise TypeError(f"{name} is {shown(item)}; a path or an array is needed.")
        item = np.asarray(item)
    if item.ndim not in (2, 3) or (item.ndim == 3 and item.shape[2] not in (1, 3, 4)):
        raise ValueError(
            f"{name} has the shape {list(item.shape)}; [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] "
            f"is needed."
        )
    if min(item.shape[:2]) < 1:
        raise ValueError(f"{name} has the shape {list(item.shape)} and no pixels.")
    if item.dtype == np.uint8:
        return _flat(item)
    if item.dtype.kind != "f":
        raise TypeError(
            f"{name} holds {item.dtype}; pixels are uint8 from 0 to 255 or floats from 0 to 1."
        )
    if not np.isfinite(item).all():
        raise ValueError(f"{name} holds NaN or infinity; pixels are floats from 0 to 1.")
    least, most = item.min(), item.max()
    if least < 0 or most > 1:
        raise ValueError(
            f"{name} holds numbers from {least:g} to {most:g}; floats are pixels from 0 to 1, so "
            f"divide them by the largest there can be."
        )
    return _flat(item.astype(np.float32, copy=False))


def _flat(item: NDArray[Any]) -> NDArray[Any]:
    """[H, W] of one channel, [H, W, 3] of four, which are laid over white."""
    if item.ndim == 2:
        return item
    if item.shape[2] == GREY:
        return item[..., 0]
    if item.shape[2] == COLOUR:
        return item
    return _over_white(item)


def _over_white(item: NDArray[Any]) -> NDArray[Any]:
    white = 255 if item.dtype == np.uint8 else 1
    opaque = item[..., 3:].astype(np.float64) / white
    mixed = opaque * item[..., :3] + (1.0 - opaque) * white
    over: NDArray[Any] = (np.rint(mixed) if white == 255 else mixed).astype(item.dtype)
    return over


def _with_channels(picture: NDArray[Any], channels: int) -> NDArray[Any]:
    """[H, W, channels]; what is cast to uint8 is rounded."""
    if channels == COLOUR:
        return picture if picture.ndim == 3 else picture[..., None]
    if picture.ndim == 2:
        return picture[..., None]
    grey: NDArray[Any] = (picture @ LIGHTNESS)[..., None]
    return np.rint(grey) if picture.dtype == np.uint8 else grey


def _pixels(library: Any, image: Any) -> NDArray[np.uint8]:
    """Of an image of pillow: [H, W] or [H, W, 3], over white."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        # Of 16 bits, the upper 8. "I" and "F" do not say how many bits their file had.
        deep = np.asarray(image).astype(np.float64)
        few = not image.mode.startswith("I;16") and deep.max(initial=0.0) <= 255
        most = 255.0 if few else 65535.0
        return np.rint(np.clip(deep / most, 0.0, 1.0) * 255).astype(np.uint8)
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return np.asarray(image.convert("L"))
    if image.mode in ("LA", "La"):
        return _over_white(np.asarray(image.convert("RGBA")))[..., 0]
    if image.mode in ("PA", "P", "RGBA", "RGBa") or "transparency" in image.info:
        return _over_white(np.asarray(image.convert("RGBA")))
    return np.asarray(image.convert("RGB"))


def _of_size(picture: NDArray[Any], size: tuple[int, int] | None) -> NDArray[Any]:
    return picture if size is None or size == picture.shape[:2] else _resized(picture, size)


def _resized(picture: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A picture of another size, each channel by itself, with what is left out averaged."""
    library = _pillow("resizing pictures")
    several = picture[..., None] if picture.ndim == 2 else picture
    parts = [
        np.asarray(
            library.fromarray(np.ascontiguousarray(several[..., c], np.float32)).resize(
                (size[1], size[0]), library.Resampling.BILINEAR
            )
        )
        for c in range(several.shape[2])
    ]
    whole = np.stack(parts, axis=-1)
    if picture.dtype == np.uint8:
        whole = np.rint(whole.clip(0, 255)).astype(np.uint8)
    else:
        whole = whole.clip(0, 1)
    return whole[..., 0] if picture.ndim == 2 else whole


def _size(size: object) -> tuple[int, int]:
    several = size if isinstance(size, tuple | list) else (size, size)
    if len(several) != 2:
        raise ValueError(
            f"size must be one number of pixels, or (height, width), got {shown(size)}"
        )
    height, width = (whole_number("size", side, least=1) for side in several)
    if max(height, width) > MAX_SIDE:
        raise ValueError(f"size must be at most {MAX_SIDE} pixels, got {max(height, width)}")
    return height, width


def _pixels_of(picture: NDArray[Any]) -> str:
    return f"{picture.shape[0]} x {picture.shape[1]}"


def _pillow(doing: str) -> Any:
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "PIL":
            raise
        raise ModuleNotFoundError(
            f"{doing} needs the library pillow, which is not installed; run: {GET_IMAGES}",
            name="PIL",
        ) from error
    return Image
