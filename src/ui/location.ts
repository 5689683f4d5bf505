import { useEffect, useState } from "preact/hooks";

export type Page =
  | { readonly page: "fleet" }
  | { readonly page: "resource"; readonly type: string; readonly id: string }
  | { readonly page: "devices" }
  | { readonly page: "monitoring" }
  | { readonly page: "unknown" };

const MOVED = "signalbox-moved";

/** What a path below /ui shows. */
export function pageOf(path: string): Page {
  const [, , first = "", type = "", id = ""] = path.split("/").map(decodeURIComponent);
  if (first === "") return { page: "fleet" };
  if (first === "resources" && type !== "" && id !== "") return { page: "resource", type, id };
  if (first === "devices") return { page: "devices" };
  if (first === "monitoring") return { page: "monitoring" };
  return { page: "unknown" };
}

export function resourcePath(type: string, id: string): string {
  return `/ui/resources/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
}

/** Goes to a page of the visualiser without loading it anew. */
export function go(path: string): void {
  history.pushState(null, "", path);
  dispatchEvent(new Event(MOVED));
}

/** Replaces parameters of the query; empty ones go. What is shown stays where it is. */
export function setQuery(changes: Readonly<Record<string, string | readonly string[]>>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const each of typeof value === "string" ? [value] : value) if (each !== "") query.append(name, each);
  }
  const text = query.toString();
  history.replaceState(null, "", text === "" ? location.pathname : `${location.pathname}?${text}`);
  dispatchEvent(new Event(MOVED));
}

/** The path and the query, kept up to date. */
export function useLocation(): { readonly path: string; readonly query: URLSearchParams } {
  const [url, setUrl] = useState(location.pathname + location.search);
  useEffect(() => {
    const moved = () => setUrl(location.pathname + location.search);
    addEventListener("popstate", moved);
    addEventListener(MOVED, moved);
    return () => {
      removeEventListener("popstate", moved);
      removeEventListener(MOVED, moved);
    };
  }, []);
  const at = url.indexOf("?");
  return {
    path: at === -1 ? url : url.slice(0, at),
    query: new URLSearchParams(at === -1 ? "" : url.slice(at)),
  };
}

/** For a link's click: the browser keeps what is its own, such as opening a new tab. */
export function onLink(event: MouseEvent): void {
  const link = event.currentTarget;
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (!(link instanceof HTMLAnchorElement || link instanceof SVGAElement)) return;
  event.preventDefault();
  go(link.getAttribute("href") ?? "/ui/");
}
