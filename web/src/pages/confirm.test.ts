// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { confirmFirst } from "./confirm";

const questions = () => document.querySelectorAll("dialog.dialog-confirm");

beforeEach(() => {
  const form = document.createElement("form");
  form.dataset.confirm = "End “Biology 101” for everyone?";
  form.dataset.verb = "End class";
  document.body.replaceChildren(form);
  confirmFirst(form);
});

test("a form is not sent before the question is answered", () => {
  const form = document.querySelector("form")!;
  let sent = false;
  form.addEventListener("submit", (event) => {
    sent = !event.defaultPrevented;
    event.preventDefault();
  });
  form.requestSubmit();
  expect(sent).toBe(false);
  expect(questions()[0]?.textContent).toContain("for everyone?");
  (document.querySelector("[data-testid=confirm-yes]") as HTMLButtonElement).click();
  expect(sent).toBe(true);
});

test("asking again at once leaves one question, even before the first has heard that it was closed", () => {
  const form = document.querySelector("form")!;
  form.requestSubmit();
  // A browser closes a dialog at once and tells it a task later; until then it still stands in the page.
  (questions()[0] as HTMLDialogElement).removeAttribute("open");
  form.requestSubmit();
  expect(questions().length).toBe(1);
});
