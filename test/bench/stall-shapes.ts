/** A request that might keep a process from everything else. */
export interface StallShape {
  readonly name: string;
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made when it is needed: all of them together take a gigabyte. */
  readonly body?: () => Buffer;
  /** Sent in chunks, without its length. */
  readonly chunked?: boolean;
}

const MIB = 2 ** 20;
const LARGEST = 8 * MIB - 1024;
const SINGLE = 256 * 1024 - 1024;
const BULK = "/v2.0/networks/bulk";
const ONE = "/v2.0/networks";
const SOMEONE = "00000000-0000-4000-8000-000000000000";

/** As many as fit. */
function repeated(
  piece: (at: number) => string,
  bytes: number,
  around: readonly [string, string],
  between = ",",
): Buffer {
  const parts: string[] = [];
  let length = around[0].length + around[1].length;
  for (let at = 0; ; at += 1) {
    const part = piece(at);
    length += part.length + between.length;
    if (length > bytes) break;
    parts.push(part);
  }
  return Buffer.from(`${around[0]}${parts.join(between)}${around[1]}`);
}

/** A bulk of a thousand items that fills what a body may have. */
function thousand(item: (at: number) => object): Buffer {
  return Buffer.from(JSON.stringify({ networks: Array.from({ length: 1000 }, (_, at) => item(at)) }));
}

const members = (count: number, value: unknown = 1) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`field_${at}`, value]));
const inBulk = ['{"networks":[', "]}"] as const;
const inOneItem = ['{"networks":[{', "}]}"] as const;
const inSingle = ['{"network":{', "}}"] as const;
const text = (piece: string, bytes: number) => piece.repeat(Math.floor(bytes / Buffer.byteLength(piece)));
const bulk = (name: string, body: () => Buffer, more: Partial<StallShape> = {}): StallShape => ({
  name,
  method: "POST",
  path: BULK,
  body,
  ...more,
});
const single = (name: string, body: () => Buffer, more: Partial<StallShape> = {}): StallShape => ({
  name,
  method: "POST",
  path: ONE,
  body,
  ...more,
});
const read = (name: string, path: string, headers: Readonly<Record<string, string>> = {}): StallShape => ({
  name,
  method: "GET",
  path,
  headers,
});

/** What is sent by each role. */
export const stallShapes: readonly StallShape[] = [
  bulk("8 MB of unknown fields in one item", () => repeated((at) => `"field_${at}":1`, LARGEST, inOneItem)),
  bulk("a thousand items of 500 unknown fields", () => thousand(() => members(500))),
  bulk("a thousand items of one unknown field of 8 KB", () => thousand((at) => ({ [`${at}${"x".repeat(8_000)}`]: 1 }))),
  bulk("a thousand empty items", () => thousand(() => ({}))),
  bulk("a thousand that can be made", () => thousand((at) => ({ name: `stall-${at}`, description: "x".repeat(200) }))),
  bulk("a thousand with long lists of what is not there", () =>
    thousand((at) => ({ name: `n${at}`, subnets: Array.from({ length: 200 }, () => SOMEONE) })),
  ),
  bulk("a thousand with values of the wrong type", () =>
    thousand(() => ({ name: [], description: {}, tags: 7, shared: "x" })),
  ),
  bulk("a thousand with many tags", () =>
    thousand((at) => ({ name: `t${at}`, tags: Object.fromEntries(Object.entries(members(350, "v"))) })),
  ),
  bulk("four million numbers", () => repeated(() => "1", LARGEST, inBulk)),
  bulk("two million empty objects", () => repeated(() => "{}", LARGEST, inBulk)),
  bulk("a string of 8 MB", () => Buffer.from(`{"networks":[{"name":"${text("x", LARGEST - 100)}"}]}`)),
  bulk("a string of 8 MB of other alphabets", () =>
    Buffer.from(`{"networks":[{"name":"${text("日本é", LARGEST - 100)}"}]}`),
  ),
  bulk("a string of 8 MB of escapes", () => Buffer.from(`{"networks":[{"name":"${text('\\"', LARGEST - 100)}"}]}`)),
  bulk("a string without an end", () => Buffer.from(`{"networks":[{"name":"${text("x", LARGEST - 100)}`)),
  bulk("a list without an end", () => repeated((at) => `{"name":"${at}"}`, LARGEST, ['{"networks":[', ""])),
  bulk("a mistake at the end of 8 MB", () =>
    repeated(() => `{"name":"${"x".repeat(8_000)}"}`, LARGEST, ['{"networks":[', ",}]}"]),
  ),
  bulk("four million open brackets", () => Buffer.from(`{"networks":[${text("[", LARGEST / 2)}`)),
  bulk("lists in lists, closed", () =>
    Buffer.from(`{"networks":[${text("[", LARGEST / 2)}${text("]", LARGEST / 2)}]}`),
  ),
  bulk("a member twice in each item", () => repeated(() => `{"a":"${"x".repeat(8_100)}","a":1}`, LARGEST, inBulk)),
  bulk("8 MB of space", () => Buffer.from(text(" ", LARGEST))),
  bulk("8 MB that is no UTF-8", () => Buffer.alloc(LARGEST, 0xff)),
  bulk("another collection", () => repeated((at) => `{"name":"${at}"}`, LARGEST, ['{"subnets":[', "]}"])),
  bulk("a list at the top", () => repeated((at) => `{"name":"${at}"}`, LARGEST, ["[", "]"])),
  bulk("8 MB of unknown fields, in chunks", () => repeated((at) => `"field_${at}":1`, LARGEST, inOneItem), {
    chunked: true,
  }),
  single("8 MB to where 256 KB are taken", () => repeated((at) => `"field_${at}":1`, LARGEST, inSingle)),
  single("256 KB of unknown fields", () => repeated((at) => `"field_${at}":1`, SINGLE, inSingle)),
  single("256 KB of tags", () => repeated((at) => `"t${at}":"<>"`, SINGLE, ['{"network":{"tags":{', "}}}"])),
  single("a name of 256 KB", () => Buffer.from(`{"network":{"name":"${text("x", SINGLE - 100)}"}}`)),
  single("a string of 256 KB without an end", () => Buffer.from(`{"network":{"name":"${text("x", SINGLE - 100)}`)),
  single("a dry run of 256 KB", () => repeated((at) => `"field_${at}":1`, SINGLE, inSingle), {
    path: `${ONE}?dry_run=true`,
  }),
  single("a change of 256 KB", () => repeated((at) => `"field_${at}":1`, SINGLE, inSingle), {
    method: "PUT",
    path: `${ONE}/${SOMEONE}`,
  }),
  single("If-Match of 15 KB", () => Buffer.from('{"network":{"name":"x"}}'), {
    method: "PUT",
    path: `${ONE}/${SOMEONE}`,
    headers: { "if-match": Array.from({ length: 2500 }, (_, at) => `"${at}"`).join(",") },
  }),
  read("a list of all", "/v2.0/vpn_services"),
  read("a list of all, sorted by every field", "/v2.0/vpn_services?sort_key=name&sort_key=description&sort_key=id"),
  read("a page of the end", "/v2.0/vpn_services?sort_key=name&limit=100&offset=1000000"),
  read("filters of 15 KB", `/v2.0/vpn_services?${Array.from({ length: 1300 }, (_, at) => `name=${at}x`).join("&")}`),
  read("all documents", "/signalbox/v1/documents?prefix="),
  read("the whole log", "/signalbox/v1/transitions?from=1"),
  read("who did what, and nothing is found", "/signalbox/v1/audit?who=nobody&limit=1000"),
  read("the fleet", "/signalbox/v1/fleet?q=stall&limit=500"),
];
