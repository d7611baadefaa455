/** The class room's entry: reads what the server put into the page and takes over its #app. */

import { render } from "preact";
import { App } from "./app";
import { readBoot } from "./boot";

const root = document.getElementById("app");
if (root !== null) {
  root.replaceChildren();
  render(<App boot={readBoot()} />, root);
}
