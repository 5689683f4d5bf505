import { changeTree, deleteTree, mergeTree, removalTree } from "../../catalogue/device-config.ts";
import type { RouterTemplate } from "../../catalogue/type-definition.ts";
import { SignalboxError } from "../../errors.ts";
import type { AppliedRouter } from "../../machines/resource/resource-types.ts";
import { parseXml, serializeXml, type XmlElement } from "../../xml/element.ts";
import type { RouterEdit } from "../devices/device-lanes.ts";
import type { ConfigurationRenderer } from "../ports.ts";

/** What a stack wants on its routers, rendered. */
export function renderRouters(
  template: RouterTemplate,
  params: Readonly<Record<string, unknown>>,
  renderer: ConfigurationRenderer,
): AppliedRouter[] {
  return template.roles.map((role) => ({
    host: text(params, `${role}_device_ip`),
    port: Number(text(params, `${role}_device_port`)),
    username: text(params, `${role}_device_username`),
    password: text(params, `${role}_device_password`),
    configuration: serializeXml(renderer.render(template.file, { ...params, ...template.constants }, role)),
  }));
}

function text(params: Readonly<Record<string, unknown>>, name: string): string {
  const value = params[name];
  if (value === undefined || value === null || value === "") {
    throw new SignalboxError("SB_PARAMETER_INVALID", `parameter ${name} has no value`, {
      advice: "Look at the edge_router that the parameter comes from.",
    });
  }
  return String(value);
}

/**
 * The edits that bring routers from what a resource has on them to what it wants: only the difference. A router that needs none has no edit.
 * With a residue nobody knows what is there: then all that may be there and is not wanted is taken away, and all that is wanted is loaded.
 * @param former what the resource has on the routers; empty for a creation
 * @param wanted what it shall have; empty for a deletion
 * @param residue what may be there beside the former or in place of it
 */
export function editsBetween(
  former: readonly AppliedRouter[],
  wanted: readonly AppliedRouter[],
  residue: readonly AppliedRouter[] = [],
): RouterEdit[] {
  const possible = distinct([...former, ...residue]);
  const edit = (router: AppliedRouter, configuration: XmlElement | undefined): RouterEdit[] =>
    configuration === undefined ? [] : [{ address: addressOf(router), configuration }];
  const brought = wanted.flatMap((router) => {
    const tree = parseXml(router.configuration);
    const before = possible.filter(({ host }) => host === router.host).map((each) => parseXml(each.configuration));
    if (residue.length > 0) {
      const removals = before.flatMap((each) => edit(router, removalTree(each, tree)));
      return [...removals, ...edit(router, mergeTree(tree))];
    }
    const [known] = before;
    return edit(router, known === undefined ? mergeTree(tree) : changeTree(known, tree));
  });
  const left = possible.filter(({ host }) => !wanted.some((router) => router.host === host));
  return [...brought, ...left.flatMap((router) => edit(router, deleteTree(parseXml(router.configuration))))];
}

/** Each configuration of a router once. */
export function distinct(routers: readonly AppliedRouter[]): AppliedRouter[] {
  return [...new Map(routers.map((router) => [`${router.host} ${router.configuration}`, router])).values()];
}

function addressOf({ host, port, username, password }: AppliedRouter): RouterEdit["address"] {
  return { host, port, username, password };
}
