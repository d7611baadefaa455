/** Ask once before a form that cannot be undone is sent: <form data-confirm data-consequence data-verb>. */

export function confirmFirst(form: HTMLFormElement): void {
  let agreed = false;
  form.addEventListener("submit", (event) => {
    if (agreed) return;
    event.preventDefault();
    const submitter = event.submitter;
    ask(form.dataset.confirm ?? "", form.dataset.consequence ?? "", form.dataset.verb ?? "OK", () => {
      agreed = true;
      form.requestSubmit(submitter);
    });
  });
}

function ask(question: string, consequence: string, verb: string, then: () => void): void {
  // A dialog is closed at once, but hears of it later: one that has just been left must not stand beside this one.
  document.querySelector("dialog.dialog-confirm")?.remove();
  const dialog = element("dialog", "dialog dialog-confirm");
  dialog.setAttribute("role", "alertdialog");
  dialog.setAttribute("aria-labelledby", "ask-title");
  dialog.setAttribute("aria-describedby", "ask-text");
  const title = element("h2", "", question);
  title.id = "ask-title";
  const head = element("header", "dialog-head");
  head.append(title);
  const text = element("div", "dialog-content", consequence);
  text.id = "ask-text";
  const cancel = element("button", "button button-plain", "Cancel");
  const yes = element("button", "button button-danger", verb);
  yes.dataset.testid = "confirm-yes";
  const actions = element("footer", "dialog-actions");
  actions.append(cancel, yes);
  const body = element("div", "dialog-body");
  body.append(head, text, actions);
  dialog.append(body);
  document.body.append(dialog);
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("pointerdown", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  yes.addEventListener("click", () => {
    dialog.close();
    then();
  });
  dialog.showModal();
  cancel.focus();
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className: string, text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  if (made instanceof HTMLButtonElement) made.type = "button";
  return made;
}
