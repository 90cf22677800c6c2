"""A panel: some knobs, a scenario that is run anew when one is moved, a picture and its text twin.

The panel is only a handle: ``scenario(**values)`` is a plain function of the notebook, and calling it without the panel
gives the same trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from kafkasim.errors import ConfigError, KafkaSimError
from kafkasim.trace import Trace
from kafkasim.views.show import png

MAX_KNOBS = 4


class Panel(ipywidgets.VBox):
    """Knobs over a picture; made by :func:`panel`."""

    def __init__(self, scenario: Callable[..., Trace], view: Callable[[Trace], Any], knobs: dict[str, Any]) -> None:
        self._scenario = scenario
        self._view = view
        self.knobs = {name: _knob(name, given) for name, given in knobs.items()}
        self.trace: Trace | None = None
        self.picture = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width="100%"))
        self.text = ipywidgets.HTML()
        super().__init__([*self.knobs.values(), self.picture, self.text])
        for knob in self.knobs.values():
            knob.observe(self._moved, names="value")
        self.draw()

    @property
    def values(self) -> dict[str, Any]:
        """Where the knobs stand."""
        return {name: knob.value for name, knob in self.knobs.items()}

    def _moved(self, change: object) -> None:
        self.draw()

    def draw(self) -> None:
        """Run the scenario with the knobs' values and show its picture."""
        try:
            self.trace = self._scenario(**self.values)
            ax = self._view(self.trace)
            twin = ax.get_label()
            self.picture.value = png(ax)
            self.picture.alt = twin
            self.text.value = f"<pre style='font-size:90%;line-height:1.3;white-space:pre-wrap'>{_escaped(twin)}</pre>"
        except KafkaSimError as error:
            self.text.value = f"<p>{_escaped(str(error))}</p>"

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"Panel with the knobs {values}: run this cell to use it."

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        bundle["text/plain"] = repr(self)
        return bundle


def panel(scenario: Callable[..., Trace], view: Callable[[Trace], Any], **knobs: object) -> Panel:
    """A panel whose knobs are the arguments of ``scenario``.

    A knob is given as ``(low, high)`` or ``(low, high, step)`` in whole numbers, as a list of choices, or as True or
    False; a slider starts in the middle. ``view`` draws a trace and gives the axes, as
    ``lambda trace: ks.views.partition_log(trace, "orders")``.
    """
    if not callable(scenario) or not callable(view):
        raise ConfigError("panel() takes two functions: one that runs a scenario, one that draws its trace.")
    if not 1 <= len(knobs) <= MAX_KNOBS:
        raise ConfigError(f"A panel has 1 to {MAX_KNOBS} knobs. Got {len(knobs)}.")
    return Panel(scenario, view, knobs)


def _knob(name: str, given: object) -> Any:
    layout = ipywidgets.Layout(width="26em")
    style = {"description_width": "9em"}
    label = name.replace("_", " ")
    if isinstance(given, bool):
        return ipywidgets.Checkbox(value=given, description=label, style=style, layout=layout)
    if isinstance(given, tuple) and len(given) in (2, 3) and all(type(number) is int for number in given):
        low, high, step = (*given, 1)[:3]
        if low < high and step > 0:
            return ipywidgets.IntSlider(
                value=low + (high - low) // step // 2 * step, min=low, max=high, step=step, description=label,
                continuous_update=False, style=style, layout=layout,
            )  # fmt: skip
    if isinstance(given, Sequence) and not isinstance(given, str | tuple) and given:
        return ipywidgets.Dropdown(options=list(given), description=label, style=style, layout=layout)
    raise ConfigError(
        f"The knob {name} must be (low, high) in whole numbers, a list of choices, True or False. Got {given!r}."
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
