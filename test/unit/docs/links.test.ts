import { describe, expect, it } from "vitest";
import { brokenLinks, pages, textOf } from "./documents.ts";

describe("links of the documentation", () => {
  it.each(pages())("in %s lead to files and headings that exist", (page) => {
    expect(brokenLinks(page, textOf(page))).toEqual([]);
  });

  it("are found broken when the file or the heading is not there", () => {
    const text =
      "# A page\n\n[a](none.md) [b](#a-page) [c](#nowhere) [`d`](../README.md#try-it) [e](https://example.net) `[f](g.md)`\n";
    expect(brokenLinks("docs/page.md", text)).toEqual([
      "none.md: there is no docs/none.md",
      "#nowhere: docs/page.md has no heading for #nowhere",
    ]);
  });

  it("reach every page of docs/ from the README", () => {
    const readme = textOf("README.md");
    const unlinked = pages().filter((page) => page.startsWith("docs/") && !readme.includes(`](${page})`));
    expect(unlinked).toEqual([]);
  });
});
