/** Picks the word that goes with a number, by the language's own rules (CLDR through Intl.PluralRules). */

const rules = new Intl.PluralRules("en");

/** `count(3, { one: "person", other: "people" })` -> "3 people". */
export function count(n: number, forms: { readonly one: string; readonly other: string }): string {
  const form = rules.select(n) === "one" ? forms.one : forms.other;
  return `${n.toLocaleString("en")} ${form}`;
}

/** "Ana", "Ana and Bo", "Ana, Bo and Cy"; beyond `most`, "Ana, Bo and 3 others". */
export function listed(names: readonly string[], most = 4): string {
  const shown = names.length > most ? names.slice(0, most - 1) : names;
  const rest = names.length - shown.length;
  const parts = rest > 0 ? [...shown, count(rest, { one: "other", other: "others" })] : shown;
  return new Intl.ListFormat("en-GB", { style: "long", type: "conjunction" }).format(parts);
}
