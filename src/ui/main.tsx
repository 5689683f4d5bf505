import { render } from "preact";
import { Frame } from "./frame/frame.tsx";

const root = document.getElementById("app");
if (root !== null) render(<Frame />, root);
