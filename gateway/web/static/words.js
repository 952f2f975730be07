// What the page says, in the reader's language; dates and numbers as they are written there.

const LANGUAGES = ["en", "de"];
let words = {}, language = "en";

export async function speak(wanted) {
  const asked = [wanted, ...navigator.languages].filter(Boolean).map((one) => one.slice(0, 2));
  language = asked.find((one) => LANGUAGES.includes(one)) ?? "en";
  words = await (await fetch(`words/${language}.json`)).json();
  document.documentElement.lang = language;
}

export function t(key, values = {}) {
  const plural = "count" in values ? new Intl.PluralRules(language).select(values.count) : null;
  const said = words[plural === "one" && `${key}.one` in words ? `${key}.one` : key] ?? key;
  return said.replace(/\{(\w+)\}/g, (_, name) => (name === "count" ? number(values.count) : String(values[name] ?? "")));
}

export const has = (key) => key in words;
export const number = (value, digits) =>
  new Intl.NumberFormat(language, digits == null ? { maximumFractionDigits: 3 } : { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
const dates = (options) => (seconds) => new Intl.DateTimeFormat(language, options).format(new Date(seconds * 1000));
export const day = dates({ dateStyle: "medium" });
export const moment = dates({ dateStyle: "medium", timeStyle: "short" });
export const precise = dates({ dateStyle: "short", timeStyle: "medium" });
export const tick = {
  hour: dates({ hour: "2-digit", minute: "2-digit" }),
  day: dates({ day: "numeric", month: "short" }),
  month: dates({ month: "short", year: "2-digit" }),
};

export function ago(seconds) {
  const passed = seconds - Date.now() / 1000;
  const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"]].find(([length]) => Math.abs(passed) >= length) ?? [1, "second"];
  return Math.abs(passed) < 45 ? t("just-now") : new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(Math.round(passed / size), unit);
}

// The time of a reading where it was taken: as it is written, without this browser's zone.
export function written(iso) {
  const [, date, time] = iso.match(/^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2})?)/) ?? [null, iso, ""];
  const there = new Date(`${date}T${time || "00:00"}Z`);
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" }).format(there);
}

export function problem(error) {
  return error.code && has(`problem.${error.code}`) ? t(`problem.${error.code}`, { wait: error.wait }) : error.message;
}
