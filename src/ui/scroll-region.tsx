import type { ComponentChildren } from "preact";

/** A part that scrolls by itself: keys reach it, and it has a name. */
export function ScrollRegion(props: { label: string; class: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys.
    <section class={`scroll ${props.class}`} tabIndex={0} aria-label={props.label}>
      {props.children}
    </section>
  );
}
