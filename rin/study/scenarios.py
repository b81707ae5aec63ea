"""The 24 fine-tuning scenarios of the paper: backbone × unfreezing × learning rate.

Paper, section "Comparison of RadImageNet and ImageNet Pretrained Models".
"""

from __future__ import annotations

from dataclasses import dataclass

from rin.errors import look_up
from rin.models.backbones import BACKBONES

LEARNING_RATES: dict[str, tuple[float, ...]] = {
    "unfreeze_all": (1e-3, 1e-4),
    "freeze_all": (1e-2, 1e-3),
    "unfreeze_top10": (1e-2, 1e-3),
}


@dataclass(frozen=True)
class Scenario:
    """One way of fine-tuning, whatever the initialisation source."""

    backbone: str
    unfreezing: str
    learning_rate: float

    @property
    def name(self) -> str:
        """Stable name, such as `ResNet50-unfreeze_all-1e-04`."""
        return f"{self.backbone}-{self.unfreezing}-{self.learning_rate:.0e}"


SCENARIOS: dict[str, Scenario] = {
    s.name: s
    for s in (
        Scenario(backbone, unfreezing, rate)
        for backbone in BACKBONES
        for unfreezing, rates in LEARNING_RATES.items()
        for rate in rates
    )
}


def find_scenario(name: str) -> Scenario:
    """Return the scenario called `name`; raise `InputError` for an unknown one."""
    return look_up("scenario", name, SCENARIOS)


def scenarios_of(backbones: list[str] | tuple[str, ...]) -> list[Scenario]:
    """Return the scenarios of some backbones, in the order of the paper's list."""
    return [s for s in SCENARIOS.values() if s.backbone in backbones]
