"""Panels of Grafana, as its JSON has them; https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
"""Columns of Grafana's grid."""


@dataclass(frozen=True)
class Panel:
    """A panel; queries: expressions with their legends. more: what Grafana calls options, over those of the kind."""

    title: str
    kind: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    width: int = 8
    height: int = 8
    about: str = ""
    stacked: bool = False
    more: Json = field(default_factory=dict)

    def json(self, number: int, left: int, top: int) -> Json:
        """Give it at its place."""
        custom: Json = {"stacking": {"mode": "normal", "group": "A"}, "fillOpacity": 30} if self.stacked else {}
        made: Json = {
            "id": number,
            "title": self.title,
            "description": self.about,
            "type": self.kind,
            "datasource": SOURCE,
            "gridPos": {"x": left, "y": top, "w": self.width, "h": self.height},
            "targets": [self._target(place, *query) for place, query in enumerate(self.queries)],
            "options": {**_OPTIONS.get(self.kind, {}), **self.more},
        }
        if self.kind == "heatmap":
            return made | {"fieldConfig": {"defaults": {"custom": {}}, "overrides": []}}
        return made | {"fieldConfig": {"defaults": {"unit": self.unit, "min": 0, "custom": custom}, "overrides": []}}

    def _target(self, place: int, expression: str, legend: str) -> Json:
        made: Json = {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
        made["editorMode"], made["range"] = "code", self.kind != "stat"
        if self.kind == "heatmap":
            made["format"] = "heatmap"
        if self.kind == "stat":
            made["instant"] = True
        return made


_OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
        "textMode": "auto",
        "justifyMode": "auto",
        "orientation": "auto",
    },
    "heatmap": {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "fill": "dark-orange"},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "s"},
    },
}


def laid_out(rows: Sequence[tuple[str, Sequence[Panel]]]) -> list[Json]:
    """Give rows of panels, each panel behind the one before it, and in the next line where there is no room."""
    made: list[Json] = []
    top = 0
    for title, panels in rows:
        place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
        made.append(
            {"id": len(made) + 1, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        )
        top, left, height = top + 1, 0, 0
        for panel in panels:
            if left + panel.width > WIDTH:
                top, left, height = top + height, 0, 0
            made.append(panel.json(len(made) + 1, left, top))
            left, height = left + panel.width, max(height, panel.height)
        top += height
    return made
