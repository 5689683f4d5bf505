/** What a page could read: how, of which path, and what it was. */
export type Read = readonly [how: string, path: string, what: string];

export interface Attack {
  /** Origin to send to. */
  readonly base: string;
  readonly paths: readonly string[];
  /** Those of them that are also tried with what takes a browser long: elements, forms, frames. */
  readonly thorough: readonly string[];
  /** Those of them that WebSockets are tried with: browsers wait longer after each that has failed. */
  readonly sockets: readonly string[];
}

/**
 * A script for a page of somebody else's, as an expression: it sends to every path whatever a page can make a browser send, and answers all
 * that it could read of the answers.
 */
export function attackWith(attack: Attack): string {
  return `(${SOURCE})(${JSON.stringify(attack)})`;
}

const SOURCE = `async ({ base, paths, thorough, sockets }) => {
  const read = [];
  const note = (how, path, what) => read.push([how, path, String(what).slice(0, 300)]);
  const fetched = async (how, path, init) => {
    try {
      const answer = await fetch(base + path, init);
      if (answer.type !== "opaque" && answer.type !== "opaqueredirect") note(how, path, answer.status + " " + (await answer.text()));
    } catch {
      // Nothing to be read.
    }
  };
  const element = (tag, attribute, path, more = {}) => new Promise((resolve) => {
    const made = Object.assign(document.createElement(tag), more);
    const done = (loaded) => {
      if (tag === "iframe") {
        try {
          const text = made.contentDocument?.body?.textContent ?? "";
          if (text !== "") note(tag, path, text);
        } catch {
          // Another origin's.
        }
      } else if (loaded) note(tag, path, "loaded");
      made.remove();
      resolve();
    };
    made.onload = made.onloadedmetadata = () => done(true);
    made.onerror = () => done(false);
    made[attribute] = base + path;
    document.body.append(made);
  });
  const form = (path, enctype) => new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.name = "answer" + Math.random();
    document.body.append(frame);
    const made = document.createElement("form");
    Object.assign(made, { method: "POST", action: base + path, target: frame.name, enctype });
    made.innerHTML = '<input name=\\'{"network": {"name": "of a form", "a\\' value=\\'b"}}\\'>';
    document.body.append(made);
    frame.onload = () => {
      try {
        const text = frame.contentDocument?.body?.textContent ?? "";
        if (text !== "") note("form", path, text);
      } catch {
        // Another origin's.
      }
      frame.remove();
      made.remove();
      resolve();
    };
    made.submit();
  });
  const events = (path) => new Promise((resolve) => {
    const source = new EventSource(base + path);
    source.onopen = () => note("EventSource", path, "open");
    source.onerror = () => {
      source.close();
      resolve();
    };
  });
  const socket = (path) => new Promise((resolve) => {
    const made = new WebSocket(base.replace(/^http/, "ws") + path);
    made.onopen = () => note("WebSocket", path, "open");
    made.onclose = resolve;
  });
  const json = { "content-type": "application/json" };
  const body = '{"kind": "hang", "on": "commit", "network": {"name": "of a page"}}';
  const quick = (path) => {
    navigator.sendBeacon(base + path, body);
    return Promise.all([
      fetched("GET", path, {}),
      fetched("GET no-cors", path, { mode: "no-cors" }),
      fetched("POST of nothing no-cors", path, { method: "POST", mode: "no-cors" }),
      fetched("POST of text no-cors", path, { method: "POST", mode: "no-cors", body }),
      fetched("POST of JSON", path, { method: "POST", headers: json, body }),
      fetched("PUT", path, { method: "PUT", headers: json, body }),
      fetched("DELETE", path, { method: "DELETE" }),
    ]);
  };
  const slow = (path) => {
    navigator.sendBeacon(base + path, new Blob([body], { type: "application/json" }));
    navigator.sendBeacon(base + path, new URLSearchParams({ a: "b" }));
    return Promise.all([
      fetched("GET with what the browser has", path, { credentials: "include" }),
      fetched("GET with a header", path, { headers: { accept: "text/event-stream" } }),
      fetched("HEAD", path, { method: "HEAD" }),
      fetched("POST of nothing", path, { method: "POST" }),
      fetched("POST of a form no-cors", path, { method: "POST", mode: "no-cors", body: new URLSearchParams({ a: "b" }) }),
      fetched("POST without an origin", path, { method: "POST", mode: "no-cors", body, referrerPolicy: "no-referrer" }),
      fetched("POST with a token", path, { method: "POST", headers: { ...json, "x-auth-token": "guessed" }, body }),
      element("img", "src", path),
      element("script", "src", path),
      element("link", "href", path, { rel: "stylesheet" }),
      element("video", "src", path),
      element("iframe", "src", path),
      form(path, "text/plain"),
      form(path, "application/x-www-form-urlencoded"),
      events(path),
    ]);
  };
  const inParts = async (all, size, what) => {
    for (let at = 0; at < all.length; at += size) await Promise.all(all.slice(at, at + size).map(what));
  };
  await inParts(paths, 40, quick);
  await inParts(thorough, 8, slow);
  await Promise.all(sockets.map(socket));
  return read;
}`;
