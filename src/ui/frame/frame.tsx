import { useEffect } from "preact/hooks";
import { DevicesPage } from "../devices/devices-page.tsx";
import { FleetPage } from "../fleet/fleet-page.tsx";
import { onLink, type Page, pageOf, useLocation } from "../location.ts";
import { MonitoringPage } from "../monitoring/monitoring-page.tsx";
import { ResourcePage } from "../resource/resource-page.tsx";
import { LiveState } from "./live-state.tsx";
import { ThemeButton } from "./theme.tsx";
import { TokenDialog } from "./token-dialog.tsx";

const PAGES = [
  ["fleet", "/ui/", "Fleet"],
  ["devices", "/ui/devices", "Devices"],
  ["monitoring", "/ui/monitoring", "Monitoring"],
] as const;

const TITLES: Readonly<Record<Page["page"], string>> = {
  fleet: "Fleet",
  resource: "Resource",
  devices: "Devices",
  monitoring: "Monitoring",
  unknown: "No such page",
};

/** What all pages have: the way to the others, whether the view is live, the theme. */
export function Frame() {
  const { path } = useLocation();
  const page = pageOf(path);
  useEffect(() => {
    document.title = `${page.page === "resource" ? `${page.type} ` : ""}${TITLES[page.page]} - Signalbox`;
  }, [page.page, path]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <span class="brand">
          <img src="/ui/signal.svg" alt="" width="20" height="20" />
          Signalbox
        </span>
        <nav aria-label="Pages">
          {PAGES.map(([name, href, title]) => (
            <a
              key={name}
              href={href}
              onClick={onLink}
              aria-current={page.page === name || (name === "fleet" && page.page === "resource") ? "page" : undefined}
            >
              {title}
            </a>
          ))}
        </nav>
        <LiveState />
        <ThemeButton />
      </header>
      <main id="main" tabIndex={-1} class={`page-${page.page}`}>
        <Content page={page} />
      </main>
      <TokenDialog />
    </>
  );
}

function Content({ page }: { page: Page }) {
  switch (page.page) {
    case "fleet":
      return <FleetPage />;
    case "resource":
      return <ResourcePage key={`${page.type}/${page.id}`} type={page.type} id={page.id} />;
    case "devices":
      return <DevicesPage />;
    case "monitoring":
      return <MonitoringPage />;
    case "unknown":
      return (
        <section class="panel">
          <h1>There is no such page</h1>
          <p>
            <a href="/ui/" onClick={onLink}>
              To the fleet
            </a>
          </p>
        </section>
      );
    default:
      return page satisfies never;
  }
}
