import { describe, expect, it } from "vitest";
import { checkConfiguration } from "../../../../src/lab/junos/commit-check.ts";
import { compareSet, compareText } from "../../../../src/lab/junos/compare-text.ts";
import { type ConfigNode, emptyConfiguration, sameConfiguration } from "../../../../src/lab/junos/config-node.ts";
import { applySet } from "../../../../src/lab/junos/set-lines.ts";
import { applyCompare, casesFolder, deviceConfigs, normalizeCompare, routerBase } from "./scenario-cases.ts";

const change = (tree: ConfigNode, ...lines: string[]): ConfigNode => applySet(tree, lines.join("\n")).tree;
const base = change(
  emptyConfiguration,
  "set interfaces ae0 description old",
  "set interfaces ae0 unit 1 vlan-id 1",
  "set interfaces ae0 unit 1 family inet filter input F",
  "set protocols bgp group a neighbor 192.0.2.1",
);

describe("show | compare", () => {
  it("is empty for equal configurations", () => {
    expect(compareText(base, change(base, "set interfaces ae0 description old"))).toBe("");
  });

  it("writes a header per level, and the depth as indentation", () => {
    const after = change(
      base,
      "set interfaces ae0 description new",
      "delete interfaces ae0 unit 1 family inet filter",
      "set interfaces ae0 unit 1 family inet address 10.0.0.1/24",
      "set interfaces ae0 unit 1 family inet6 mtu 1500",
      "set interfaces ae0 unit 2 vlan-id 2",
    );
    expect(compareText(base, after)).toBe(`[edit interfaces ae0]
-    description old;
+    description new;
+    unit 2 {
+        vlan-id 2;
+    }

[edit interfaces ae0 unit 1]
+     family inet6 {
+         mtu 1500;
+     }

[edit interfaces ae0 unit 1 family inet]
-       filter {
-           input F;
-       }
+       address 10.0.0.1/24;
`);
  });

  it("shows the entry before an added one where order counts", () => {
    const after = change(
      base,
      "set protocols bgp group b neighbor 192.0.2.2",
      "set protocols bgp group a neighbor 192.0.2.3",
    );
    expect(compareText(base, after)).toBe(`[edit protocols bgp]
     group a { ... }
+    group b {
+        neighbor 192.0.2.2;
+    }

[edit protocols bgp group a]
      neighbor 192.0.2.1;
+     neighbor 192.0.2.3;
`);
  });

  it("marks what was moved and what was deactivated", () => {
    const two = change(base, "set protocols bgp group b neighbor 192.0.2.2");
    const after = change(two, "insert protocols bgp group b before group a", "deactivate interfaces ae0 unit 1");
    expect(compareText(two, after)).toBe(`[edit interfaces ae0]
!    inactive: unit 1 { ... }

[edit protocols bgp]
!    group b { ... }
`);
    expect(sameConfiguration(two, after)).toBe(false);
  });

  it("shows no plain key, and no difference between equal keys", () => {
    const once = change(base, 'set protocols bgp group a neighbor 192.0.2.1 authentication-key "open sesame"');
    const text = compareText(base, once);
    expect(text).toMatch(/\+ +authentication-key "\$9\$[^"]+"; ## SECRET-DATA/);
    expect(text).not.toContain("sesame");
    const shown = /"(\$9\$[^"]+)"/.exec(text)?.[1] ?? "";
    const again = change(once, `set protocols bgp group a neighbor 192.0.2.1 authentication-key "${shown}"`);
    expect(compareText(once, again)).toBe("");
  });

  it("as set and delete lines leads from one to the other", () => {
    const after = change(
      base,
      "delete interfaces ae0 unit 1",
      "set interfaces ae0 description new",
      "set system host-name r1",
    );
    const lines = compareSet(base, after);
    expect(lines).toEqual([
      "delete interfaces ae0 unit 1",
      "set interfaces ae0 description new",
      "set system host-name r1",
    ]);
    expect(sameConfiguration(change(base, ...lines), after)).toBe(true);
  });
});

if (casesFolder !== undefined) {
  for (const scenario of ["vpn_gateway", "common_function_gateway"]) {
    for (const router of ["MX-1", "MX-2"]) {
      describe(`the recorded scenario ${scenario} on ${router}`, () => {
        let tree = change(emptyConfiguration, routerBase(router));
        for (const { page, compare } of deviceConfigs(scenario)) {
          const before = tree;
          const recorded = compare[router] ?? "";
          tree = applyCompare(before, recorded);
          const after = tree;
          it(`${page} comes out as recorded and can be committed`, () => {
            expect(normalizeCompare(compareText(before, after))).toBe(normalizeCompare(recorded));
            expect(checkConfiguration(after)).toEqual([]);
          });
        }
      });
    }
  }
}
