"""scikit-learn's contract for estimators, without importing scikit-learn before somebody uses it.

`import sklearn.base` takes longer than a small network takes to train. What the contract asks of an
estimator's arguments is therefore written here, and scikit-learn's own base classes are taken as
bases once scikit-learn is imported: `isinstance`, tags, metadata routing and its display in
notebooks are then scikit-learn's.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sized
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


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


_ADOPTED: dict[type, str] = {
    Estimator: "BaseEstimator",
    ClassifierTask: "ClassifierMixin",
    RegressorTask: "RegressorMixin",
}


def adopt() -> bool:
    """Take scikit-learn's classes as bases, if it is imported and they are not yet.

    Returns:
        Whether bases were changed.
    """
    sklearn = sys.modules.get("sklearn.base")
    if not hasattr(sklearn, "RegressorMixin") or Estimator.__bases__ != (_BaseEstimator,):
        return False
    for ours, name in _ADOPTED.items():
        ours.__bases__ = (getattr(sklearn, name),)
    for kind in _below(Estimator):
        # What scikit-learn does when a subclass of its own is made.
        super(Estimator, kind).__init_subclass__()  # type: ignore[misc]
    return True


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


adopt()
