"""The main job in its quick form: it runs whole, and what it says is what it measured."""

from html.parser import HTMLParser
from importlib.util import find_spec

import numpy as np
import pytest

from unrolled.cli.demo import run
from unrolled.cli.demo.series import HELD_OUT, forecast_prices, states_over_time
from unrolled.cli.demo.walks import LEAST_ERROR, learn_walks
from unrolled.data import random_walk, stocks


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.images, self.headings, self._inside = [], [], False

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))
        self._inside = tag == "h2"

    def handle_data(self, data):
        if self._inside:
            self.headings.append(data)
            self._inside = False


def test_the_demo_writes_a_report_with_pictures(tmp_path, capsys):
    path = run(tmp_path / "out", quick=True)
    assert path == tmp_path / "out" / "report.html"
    shown = capsys.readouterr().out
    for word in ("input [10, 3, 1]", "hidden states [10, 3, 64]", "output [10, 1]", "Seattle"):
        assert word in shown.replace("\n", " ")
    assert "report.html" in shown
    for told in (shown.replace("\n", " "), path.read_text(encoding="utf-8")):
        assert "kernels (engine=" in told.replace("&#x27;", "'").replace("&#39;", "'")
        assert "fit, ms" in told
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    # Without torch a part says what is left out, and how to see it.
    torch = find_spec("torch") is not None
    assert len(page.headings) == (10 if torch else 8)
    assert ("they need torch" in path.read_text(encoding="utf-8")) != torch
    assert len(page.images) >= 13
    assert all(i["src"].startswith("data:image/png;base64,") and i["alt"] for i in page.images)


def test_ten_walks_are_learnt_by_heart():
    walks = learn_walks(10)
    assert walks.after < LEAST_ERROR < walks.new < walks.before
    X, y = random_walk(num_samples=10, sequence_length=4, random_state=0)
    assert walks.repeat_last == pytest.approx(np.mean((y - X[:, -1]) ** 2))
    assert walks.history[0]["train_loss"] == pytest.approx(walks.before, rel=1e-5)


def test_forecasts_are_compared_on_held_out_time_alone():
    f = forecast_prices(quick=True)
    prices = stocks()["IBM"].values
    cut = f.held_out_from
    assert cut == int(len(prices) * (1 - HELD_OUT))
    np.testing.assert_array_equal(f.predictions["repeat last month"], prices[cut - 1 : -1])
    np.testing.assert_array_equal(f.predictions["same month a year ago"], prices[cut - 12 : -12])
    assert {len(values) for values in f.predictions.values()} == {len(prices) - cut}
    errors = [
        np.abs(np.diff(s.values)[int(len(s.values) * (1 - HELD_OUT)) - 1 :])
        for s in stocks().values()
    ]
    assert f.errors["repeat last month"] == pytest.approx(np.concatenate(errors).mean())


def test_no_forecast_reads_what_it_forecasts(monkeypatch):
    """Prices after a held-out month change, and the forecasts up to it do not."""
    from unrolled.cli.demo import series

    before = forecast_prices(quick=True).predictions["recurrent network"]
    real = stocks()
    altered = dict(real)
    ibm = real["IBM"]
    values = ibm.values.copy()
    values[-5:] *= 3.0
    altered["IBM"] = type(ibm)(ibm.name, ibm.unit, ibm.times, values)
    monkeypatch.setattr(series, "stocks", lambda: altered)
    after = series.forecast_prices(quick=True).predictions["recurrent network"]
    np.testing.assert_array_equal(after[:-4], before[:-4])
    assert (after[-4:] != before[-4:]).any()


def test_states_are_those_of_consecutive_hours():
    from unrolled.cli.demo.series import forecast_temperatures

    f = forecast_temperatures(quick=True)
    states, times = states_over_time(f, hours=48)
    assert states.shape == (48, 32)
    assert (np.diff(times) == np.timedelta64(1, "h")).all()
    assert f.errors["recurrent network"] < f.errors["repeat last hour"]


def test_texts_of_the_demo_are_held_out_and_scored_by_what_is_shown():
    from unrolled.cli.demo.texts import PROMPT, QUICK, learn_highlighting, learn_reference
    from unrolled.data import python_reference, python_tokens

    reference = learn_reference(quick=True)
    text = python_reference()
    assert reference.shown == text[QUICK : QUICK + len(reference.shown)]
    nats = -reference.model.log_probabilities(reference.shown)
    np.testing.assert_allclose(reference.nats, nats)
    assert reference.written.startswith(PROMPT)
    assert reference.scores.model["perplexity"] == pytest.approx(np.exp(nats.mean()), rel=0.2)
    assert reference.scores.model["perplexity"] < 0.5 * len(reference.model.vocabulary_)
    assert len(reference.model.vocabulary_) <= len(set(text[:QUICK])) + 2

    highlighter = learn_highlighting(quick=True)
    X, y = python_tokens()
    place = X.index(highlighter.snippet)
    assert place >= len(X) - 100
    assert highlighter.truth == y[place]
    assert highlighter.predicted == highlighter.model.predict([X[place]])[0]
    assert 1 > highlighter.accuracy > highlighter.commonest
    assert highlighter.accuracy == highlighter.model.score(X[-100:], y[-100:])
