import { useEffect, useState } from "preact/hooks";

const KEY = "signalbox-theme";
type Theme = "light" | "dark";

function wanted(): Theme {
  const kept = localStorage.getItem(KEY);
  if (kept === "light" || kept === "dark") return kept;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Light or dark: as the system has it, until the reader says otherwise. */
export function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(wanted);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
  }, [theme]);
  const other = theme === "light" ? "dark" : "light";
  const change = () => {
    localStorage.setItem(KEY, other);
    setTheme(other);
  };
  return (
    <button type="button" class="quiet" onClick={change} aria-label={`Switch to ${other} colours`}>
      <span aria-hidden="true">{theme === "light" ? "☾" : "☀"}</span>
    </button>
  );
}
