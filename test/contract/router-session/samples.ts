import { childrenNamed, childText, element, findElement, type XmlElement } from "../../../src/xml/element.ts";

/** Configuration to try on a router: two list entries, `one` and `other`, that its running configuration does not hold. */
export interface RouterSample {
  /** Selects both entries. */
  readonly filter: XmlElement;
  readonly addition: XmlElement;
  readonly otherAddition: XmlElement;
  readonly deletion: XmlElement;
  /** Deletes both entries in one tree. */
  readonly deletionOfBoth: XmlElement;
  /** Deletes the one and adds the other in one tree. */
  readonly exchange: XmlElement;
  /** Adds the one with a description. */
  withText(text: string): XmlElement;
  /** The description of the one. */
  textOf(data: XmlElement): string | undefined;
  isIn(data: XmlElement): boolean;
  otherIsIn(data: XmlElement): boolean;
  /** A tree that no load accepts, and the element to blame. */
  readonly broken: XmlElement;
  readonly brokenWord: string;
  /** A tree that loads and that no commit accepts, and the word to blame; where the device's configuration knows such. */
  readonly uncommittable?: { readonly tree: XmlElement; readonly word: string };
}

const DELETE = { operation: "delete" };

/** Builds a sample from how a device writes a tree of list entries named by `name`. */
function sampleOf(options: {
  one: string;
  other: string;
  list: string;
  tree(entries: readonly XmlElement[]): XmlElement;
  /** What an entry holds beside name and description. */
  content(): readonly XmlElement[];
}): RouterSample {
  const { one, other, list, tree } = options;
  const entry = (name: string, description: string) =>
    element(list, [element("name", name), element("description", description), ...options.content()]);
  const gone = (name: string) => element(list, [element("name", name)], DELETE);
  const find = (data: XmlElement, name: string): XmlElement | undefined => {
    const parent = findElement(data, "interfaces");
    return parent && childrenNamed(parent, list).find((candidate) => childText(candidate, "name") === name);
  };
  return {
    filter: tree([]),
    addition: tree([entry(one, "contract sample")]),
    otherAddition: tree([entry(other, "contract sample")]),
    deletion: tree([gone(one)]),
    deletionOfBoth: tree([gone(one), gone(other)]),
    exchange: tree([gone(one), entry(other, "contract sample")]),
    withText: (text) => tree([entry(one, text)]),
    textOf: (data) => {
      const found = find(data, one);
      return found && childText(found, "description");
    },
    isIn: (data) => find(data, one) !== undefined,
    otherIsIn: (data) => find(data, other) !== undefined,
    broken: tree([element(list, [element("name", one), element("no-such-statement", "x")])]),
    brokenWord: "no-such-statement",
  };
}

/** For servers with the ietf-interfaces and iana-if-type modules (RFC 8343, RFC 7224). */
export function ietfInterfacesSample(): RouterSample {
  const type = () =>
    element("type", "ianaift:ethernetCsmacd", { "xmlns:ianaift": "urn:ietf:params:xml:ns:yang:iana-if-type" });
  return sampleOf({
    one: "ge-0/0/8",
    other: "ge-0/0/9",
    list: "interface",
    tree: (entries) => element("interfaces", entries, {}, "urn:ietf:params:xml:ns:yang:ietf-interfaces"),
    content: () => [type()],
  });
}

/**
 * For Junos: interfaces in a `<configuration>`. A VRRP priority out of range is what no load accepts, a BGP group whose
 * policy does not exist what no commit accepts.
 */
export function junosSample(): RouterSample {
  const group = element("group", [
    element("name", "contract-sample"),
    element("type", "internal"),
    element("import", "NO-SUCH-POLICY"),
  ]);
  const vrrp = element("vrrp-group", [element("name", "1"), element("priority", "999")]);
  const address = element("address", [element("name", "192.0.2.2/24"), vrrp]);
  const unit = element("unit", [element("name", "0"), element("family", [element("inet", [address])])]);
  const port = element("interface", [element("name", "ge-0/0/8"), unit]);
  return {
    ...sampleOf({
      one: "ge-0/0/8",
      other: "ge-0/0/9",
      list: "interface",
      tree: (entries) => element("configuration", [element("interfaces", entries)]),
      content: () => [],
    }),
    broken: element("configuration", [element("interfaces", [port])]),
    brokenWord: "999",
    uncommittable: {
      tree: element("configuration", [element("protocols", [element("bgp", [group])])]),
      word: "NO-SUCH-POLICY",
    },
  };
}
