"""scikit-learn's contract for estimators, without importing scikit-learn before somebody uses it.

`import sklearn.base` takes longer than a small network takes to train. What the contract asks of an
estimator's arguments is therefore written here, and scikit-learn's own base classes are taken as
bases as soon as somebody imports them: `isinstance`, tags, metadata routing and its display in
notebooks are then scikit-learn's.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Iterator, Sequence, Sized
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from typing_extensions import Self

BASE = "sklearn.base"


# Python changes the bases of no class that stands directly on `object`.
class _BaseEstimator: ...


class _ClassifierMixin: ...


class _RegressorMixin: ...


class Estimator(_BaseEstimator):
    """An object whose constructor's arguments are its attributes; below BaseEstimator later."""

    def __post_init__(self) -> None:
        adopt()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments by name; `deep` has no effect, for none of them is an estimator."""
        adopt()
        return {name: getattr(self, name) for name in self._get_param_names()}

    def set_params(self, **params: Any) -> Self:
        """Set arguments by name.

        Raises:
            ValueError: there is no such argument.
        """
        known = self._get_param_names()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: "
                    f"{known!r}."
                )
            setattr(self, name, value)
        return self

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")

    def __repr__(self) -> str:
        """The class and the arguments that are not the default."""
        parameters = inspect.signature(type(self).__init__).parameters
        given = {name: getattr(self, name) for name in self._get_param_names()}
        shown = [
            f"{name}={value!r}"
            for name, value in given.items()
            if repr(value) != repr(parameters[name].default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_tags__(self) -> Any:
        if adopt():
            # scikit-learn's mixins now stand before this class.
            return self.__sklearn_tags__()
        return super().__sklearn_tags__()  # type: ignore[misc]


class ClassifierTask(_ClassifierMixin):
    """A classifier; below ClassifierMixin later."""


class RegressorTask(_RegressorMixin):
    """A regressor; below RegressorMixin later."""


# Estimator comes last: where it is adopted, the others are.
_ADOPTED: dict[type, str] = {
    ClassifierTask: "ClassifierMixin",
    RegressorTask: "RegressorMixin",
    Estimator: "BaseEstimator",
}
_adopting = threading.Lock()


def adopt() -> bool:
    """Take scikit-learn's classes as bases, if it is imported and they are not yet.

    Returns:
        Whether bases were changed.
    """
    sklearn = sys.modules.get(BASE)
    if not hasattr(sklearn, "RegressorMixin"):
        return False
    with _adopting:
        if Estimator.__bases__ != (_BaseEstimator,):
            return False
        for ours, name in _ADOPTED.items():
            ours.__bases__ = (getattr(sklearn, name),)
        for kind in _below(Estimator):
            # What scikit-learn does when a subclass of its own is made.
            super(Estimator, kind).__init_subclass__()  # type: ignore[misc]
    return True


class _AfterImport:
    """Finds `sklearn.base` as the finders after it do, and runs `adopt` when it is loaded.

    It stays among the finders: one that goes while another thread searches hides its neighbour.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != BASE:
            return None
        finders = sys.meta_path[sys.meta_path.index(self) + 1 :]
        found = (finder.find_spec(name, path, target) for finder in finders)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_adopt(module: ModuleType) -> None:
            load(module)
            adopt()

        spec.loader.exec_module = load_and_adopt  # type: ignore[method-assign]
        return spec


def _below(kind: type) -> Iterator[type]:
    children: list[type] = kind.__subclasses__()
    for child in children:
        yield child
        yield from _below(child)


def check_consistent_length(X: Sized, y: Sized) -> None:
    """Check that there is a target for each sample.

    Raises:
        ValueError: there are more or fewer; in scikit-learn's words.
    """
    if len(X) != len(y):
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: "
            f"{[len(X), len(y)]}; y needs one target for each sample of X"
        )


def not_fitted(estimator: object) -> Exception:
    """scikit-learn's NotFittedError, to be raised."""
    from sklearn.exceptions import NotFittedError

    error: Exception = NotFittedError(
        f"This {type(estimator).__name__} is not fitted yet; call fit with training data first"
    )
    return error


if BASE not in sys.modules:
    sys.meta_path.insert(0, _AfterImport())
adopt()
