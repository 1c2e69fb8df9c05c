"""Run at the start of every Python with this folder on PYTHONPATH: PyTorch is not to be found."""

from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec


class Finder:
    """Python's own finder, but for torch, which it does not find, as if it were not installed."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        """What Python's own finder gives, or None for torch."""
        if name.partition(".")[0] == "torch":
            return None
        return find_spec(name, path, target)


# Not where a search for doctests imports this file by another name.
if __name__ == "sitecustomize":
    PathFinder.find_spec = Finder.find_spec
