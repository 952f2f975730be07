"""How somebody wants to see what they see."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Glucose = Annotated[float, Field(gt=0, le=40)]


class Preferences(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    language: Literal["en", "de"] | None = Field(None, description="The browser's if left out")
    weight: Literal["kg", "lb", "st"] = "kg"
    glucose: Literal["mmol/L", "mg/dL"] = "mmol/L"
    temperature: Literal["°C", "°F"] = "°C"
    target: tuple[Glucose, Glucose] = Field(
        (3.9, 10.0), description="Of blood glucose, in mmol/L. Source of the default: Battelino et al. 2019, time in range"
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if Decimal(str(self.target[0])) >= Decimal(str(self.target[1])):
            raise ValueError("the lower limit is not below the upper one")
        return self
