/** A button that copies a link and says so on itself and to screen readers. */

const SAY_MS = 2000;

export function copying(button: HTMLButtonElement): void {
  const word = button.querySelector("span");
  if (!word) return;
  const before = word.textContent;
  const status = document.createElement("span");
  status.className = "visually-hidden";
  status.setAttribute("role", "status");
  button.after(status);
  button.hidden = false;
  let timer = 0;
  button.addEventListener("click", async () => {
    const copied = await copyText(new URL(button.dataset.copy ?? "", location.href).href);
    word.textContent = status.textContent = copied ? "Copied" : "Press Ctrl+C";
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      word.textContent = before;
      status.textContent = "";
    }, SAY_MS);
  });
}

/** False when the browser does not let us: then the text is at least selected where it stands. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard on plain http:// other than localhost.
    document.querySelector<HTMLInputElement>(`input[value="${CSS.escape(text)}"]`)?.select();
    return false;
  }
}
