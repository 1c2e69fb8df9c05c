"""Small networks run on one of torch's threads, which are then put back."""

import threading

import pytest
import torch

from unrolled import SequenceRegressor
from unrolled.data import random_walk
from unrolled.runtime.spec import Dense, Recurrent, Spec
from unrolled.training.threads import WORTH_THREADS, largest_product, suited_threads

SMALL = Spec(1, 1, "point", recurrent=Recurrent("rnn", 64))
LARGE = Spec(64, 1, "point", recurrent=Recurrent("lstm", 512))


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_the_largest_product_is_that_of_one_step():
    assert largest_product(Spec(5, 1, "point", recurrent=Recurrent("gru", 7)), 3) == 2 * 3 * 21 * 7
    assert (
        largest_product(Spec(50, 1, "point", recurrent=Recurrent("gru", 7)), 3) == 2 * 3 * 21 * 50
    )
    assert largest_product(Spec(4, 2, "class", hidden=(Dense(9),)), 10) == 2 * 10 * 9 * 4
    tokens = Spec(10_000, 1, "point", embedding_size=4, recurrent=Recurrent("rnn", 8))
    assert largest_product(tokens, 1) == 2 * 8 * 8


def test_small_networks_get_one_thread_and_large_ones_all(three_threads):
    assert largest_product(SMALL, 32) < WORTH_THREADS < largest_product(LARGE, 32)
    with suited_threads(SMALL, 32):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with suited_threads(LARGE, 32):
        assert torch.get_num_threads() == 3


def test_threads_are_put_back_after_an_error_and_by_every_fit(three_threads):
    with pytest.raises(RuntimeError, match="inside"), suited_threads(SMALL, 32):
        raise RuntimeError("inside")
    assert torch.get_num_threads() == 3
    model = SequenceRegressor(hidden_size=4, max_epochs=1).fit(*random_walk(8, random_state=0))
    assert torch.get_num_threads() == 3
    model.predict(random_walk(8, random_state=0)[0])
    assert torch.get_num_threads() == 3


def test_scopes_that_overlap_in_python_threads_put_back_what_was_before(three_threads):
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with suited_threads(SMALL, 32):
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    with suited_threads(SMALL, 32):
        other.start()
        assert inside.wait(10)
    leave.set()
    other.join()
    assert torch.get_num_threads() == 3
    seen = []
    fresh = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    fresh.start()
    fresh.join()
    assert seen == [3]
