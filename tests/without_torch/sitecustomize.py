"""Run at the start of every Python with this folder on PYTHONPATH: PyTorch is not to be found."""

from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec


def find_spec_of_others(name, path=None, target=None):
    """What Python's own finder gives, and None for torch, as if it were not installed."""
    if name.partition(".")[0] == "torch":
        return None
    return find_spec(name, path, target)


PathFinder.find_spec = staticmethod(find_spec_of_others)
