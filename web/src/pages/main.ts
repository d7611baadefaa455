/** What the server-rendered pages gain from a script: copying, local times, asking before the irreversible, search.
 *  Every page works without it, save for these. */
import "../design/tokens.css";
import "../design/base.css";
import "../design/button.css";
import "../design/field.css";
import "../design/badge.css";
import "../design/dialog.css";
import "../design/meter.css";
import "../design/toast.css";
import "./pages.css";
import { hue } from "../design/Avatar";
import { confirmFirst } from "./confirm";
import { copying } from "./copy";
import { filtering } from "./filter";
import { capitalised, localMoment } from "./moment";
import { showPosters } from "./poster";

for (const time of document.querySelectorAll<HTMLTimeElement>("time[data-local]")) {
  const at = new Date(time.dateTime);
  const words = localMoment(at, new Date(), navigator.language);
  time.textContent = time.dataset.local === "alone" ? capitalised(words, navigator.language) : words;
  time.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
}
for (const poster of document.querySelectorAll<HTMLElement>("[data-poster]")) {
  poster.style.setProperty("--hue", String(hue(poster.dataset.poster ?? "")));
}
showPosters([...document.querySelectorAll<HTMLElement>("[data-poster]")]);
for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-copy]")) copying(button);
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-confirm]")) confirmFirst(form);
for (const field of document.querySelectorAll<HTMLInputElement>("input[data-select]")) field.addEventListener("focus", () => field.select());
for (const field of document.querySelectorAll<HTMLInputElement>("input[data-filter]")) filtering(field);
for (const field of document.querySelectorAll<HTMLInputElement>("input[data-key]")) {
  // The whole link may be pasted; only its key is sent.
  field.form?.addEventListener("submit", () => {
    field.value = field.value.trim().match(/[?&]key=([^&\s]+)/)?.[1] ?? field.value.trim();
  });
}
