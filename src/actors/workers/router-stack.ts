import { changeTree, deleteTree, mergeTree } from "../../catalogue/device-config.ts";
import type { RouterTemplate } from "../../catalogue/type-definition.ts";
import { SignalboxError } from "../../errors.ts";
import type { AppliedRouter } from "../../machines/resource/resource-types.ts";
import { parseXml, serializeXml } from "../../xml/element.ts";
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
 * @param former what the resource has on the routers; empty for a creation
 * @param wanted what it shall have; empty for a deletion
 */
export function editsBetween(former: readonly AppliedRouter[], wanted: readonly AppliedRouter[]): RouterEdit[] {
  const edits: RouterEdit[] = [];
  for (const router of wanted) {
    const before = former.find((candidate) => candidate.host === router.host);
    const tree = parseXml(router.configuration);
    const configuration = before === undefined ? mergeTree(tree) : changeTree(parseXml(before.configuration), tree);
    if (configuration) edits.push({ address: addressOf(router), configuration });
  }
  for (const router of former) {
    if (wanted.some((candidate) => candidate.host === router.host)) continue;
    const configuration = deleteTree(parseXml(router.configuration));
    if (configuration) edits.push({ address: addressOf(router), configuration });
  }
  return edits;
}

function addressOf({ host, port, username, password }: AppliedRouter): RouterEdit["address"] {
  return { host, port, username, password };
}
