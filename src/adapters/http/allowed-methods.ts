/**
 * Knows which methods each path takes, so that a wrong method is answered 405 with Allow and only an unknown path 404
 * (RFC 9110 sections 15.5.5 and 15.5.6). Paths are the router's patterns: `:name` is one segment, `*` is the rest.
 */
export class AllowedMethods {
  readonly #routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  add(url: string, methods: string | readonly string[]): void {
    // A catch-all says nothing about a path.
    if (url === "*" || url === "/*") return;
    const route = this.#routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    for (const method of typeof methods === "string" ? [methods] : methods) route.methods.add(method);
    this.#routes.set(url, route);
  }

  /** Methods of a path in alphabetical order, OPTIONS included; none when no route has the path. */
  of(path: string): readonly string[] {
    const methods = new Set<string>();
    for (const route of this.#routes.values()) {
      if (route.pattern.test(path)) for (const method of route.methods) methods.add(method);
    }
    if (methods.size > 0) methods.add("OPTIONS");
    return [...methods].sort();
  }
}

function patternOf(url: string): RegExp {
  const segments = url.split("/").map((segment) => {
    if (segment.startsWith(":")) return "[^/]+";
    return segment.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  });
  return new RegExp(`^${segments.join("/")}/?$`);
}
