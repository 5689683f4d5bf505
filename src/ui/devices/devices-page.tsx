import { useEffect, useState } from "preact/hooks";
import type { DeviceReport, Machine } from "../api-types.ts";
import { tellStreamState } from "../frame/live-state.tsx";
import { useLoaded } from "../loaded.ts";
import { DeviceCard } from "./device-card.tsx";
import { followDevices } from "./devices-store.ts";

/** As many charts are drawn without being asked for. */
const OPEN_CHARTS = 4;

/** Every router: what its session does, who edits it, what waits for it and what was committed. */
export function DevicesPage() {
  const [devices, setDevices] = useState<readonly DeviceReport[]>();
  const { value } = useLoaded<{ machines: readonly Machine[] }>("/signalbox/v1/machines");
  useEffect(() => followDevices(setDevices, tellStreamState), []);
  const machine = value?.machines.find(({ name }) => name === "device-session");
  return (
    <>
      <h1>Devices</h1>
      {devices === undefined && <p class="faint">Loading</p>}
      {devices?.length === 0 && <p class="faint">No device was worked on yet.</p>}
      <div class="cards">
        {devices?.map((device) => (
          <DeviceCard key={device.host} device={device} machine={machine} isOpen={devices.length <= OPEN_CHARTS} />
        ))}
      </div>
    </>
  );
}
