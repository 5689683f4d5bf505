import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DocumentCodec } from "../../../src/adapters/etcd/document-codec.ts";

const text = fc.string({ unit: "binary", maxLength: 8 });
const key = text.map((tail) => `/${tail}`);

const inside = (codec: DocumentCodec, prefix: string, of: string, after?: string) => {
  const { from, to } = codec.range(prefix, after);
  const encoded = codec.encodeKey(of);
  return encoded.compare(from) >= 0 && encoded.compare(to) < 0;
};

describe("keys", () => {
  it("come back without the namespace", () => {
    const codec = new DocumentCodec("/site-1");
    expect(codec.encodeKey("/config/a").toString()).toBe("/site-1/config/a");
    fc.assert(fc.property(key, (each) => codec.decodeKey(codec.encodeKey(each)) === each));
  });

  it("lie in the range of a prefix exactly when they start with it", () => {
    for (const namespace of ["", "/site-1", "/site-1/"]) {
      const codec = new DocumentCodec(namespace);
      fc.assert(fc.property(key, key, (each, prefix) => inside(codec, prefix, each) === each.startsWith(prefix)));
      fc.assert(fc.property(key, text, (each, tail) => inside(codec, each, each + tail)));
    }
  });

  it("lie in what is left after a key exactly when they are greater", () => {
    const codec = new DocumentCodec("/site-1");
    const greater = (a: string, b: string) => Buffer.from(a).compare(Buffer.from(b)) > 0;
    fc.assert(fc.property(key, key, (each, after) => inside(codec, "/", each, after) === greater(each, after)));
  });

  it("of another namespace that begins alike are not in the range of all", () => {
    const site = new DocumentCodec("/site-1");
    const other = new DocumentCodec("/site-10");
    for (const prefix of ["", "/"]) {
      const { from, to } = site.range(prefix);
      const foreign = other.encodeKey("/config/a");
      expect(foreign.compare(from) >= 0 && foreign.compare(to) < 0).toBe(false);
      expect(inside(site, prefix, "/config/a")).toBe(true);
    }
  });

  it("are refused when they do not start with a slash or are no text", () => {
    for (const wrong of ["", "config/a", "/a\ud800", "/\udc00b"]) {
      expect(() => new DocumentCodec("/site-1").encodeKey(wrong)).toThrow(
        expect.objectContaining({ code: "SB_STORE_FAILED", transient: false }),
      );
    }
    expect(new DocumentCodec("/site-1/").encodeKey("a").toString()).toBe("/site-1/a");
  });
});

describe("values", () => {
  it("are JSON in UTF-8", () => {
    const codec = new DocumentCodec("");
    expect(codec.encodeValue({ name: "Zürich" }).toString("utf8")).toBe('{"name":"Zürich"}');
    expect(codec.decodeValue("/a", Buffer.from('{"a":[1,null]}'))).toEqual({ a: [1, null] });
  });

  it.each(["", "plain", "null", "{"])("of somebody else's (%j) are reported with their key", (value) => {
    expect(() => new DocumentCodec("").decodeValue("/theirs", Buffer.from(value))).toThrow(
      expect.objectContaining({
        code: "SB_STORE_FAILED",
        transient: false,
        message: expect.stringContaining("/theirs"),
      }),
    );
  });
});
