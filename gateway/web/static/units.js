// Values in the units that their reader wants. Canonical ones come from the gateway: kg, mmol/L, °C and so on.

import { has, number, t } from "./words.js";

const POUND = 0.45359237;
const GLUCOSE = 18.0156; // mg/dL in a mmol/L: the molar mass of glucose is 180.156 g/mol

const WAYS = {
  kg: { lb: [(kg) => kg / POUND, 1], st: [(kg) => kg / POUND / 14, 2] },
  "mmol/L": { "mg/dL": [(value) => value * GLUCOSE, 0] },
  "°C": { "°F": [(value) => value * 1.8 + 32, 1] },
};
const CHOICE = { kg: "weight", "mmol/L": "glucose", "°C": "temperature" };

// A function that converts, what it makes, and how many digits are shown.
export function wayOf(quantity, preferences) {
  const wanted = preferences[CHOICE[quantity.unit]];
  const way = WAYS[quantity.unit]?.[wanted];
  return way ? { convert: way[0], unit: wanted, digits: way[1] } : { convert: (value) => value, unit: quantity.unit ?? "", digits: quantity.digits };
}

export function shown(value, quantity, preferences) {
  const way = wayOf(quantity, preferences);
  if (way.unit === "st") {
    const pounds = Math.round((value / POUND) * 10) / 10;
    return `${Math.floor(pounds / 14)} st ${number(pounds % 14, 1)} lb`;
  }
  return `${number(way.convert(value), way.digits)} ${unitName(way.unit)}`.trim();
}

export const unitName = (unit) => ({ Cel: "°C", "[degF]": "°F", "mm[Hg]": "mmHg", "/min": "bpm", "[lb_av]": "lb", "[stone_av]": "st", "[iU]": "IU" })[unit] ?? unit ?? "";
export const nameOf = (quantity) => (has(`quantity.${quantity.key}`) ? t(`quantity.${quantity.key}`) : quantity.name);
