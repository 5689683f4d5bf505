import { useEffect, useRef } from "preact/hooks";
import { hasToken, keepToken, onTokenWanted } from "../api.ts";

/** Asks for a token when the gateway wants one. It is kept for this tab only. */
export function TokenDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(
    () =>
      onTokenWanted(() => {
        if (dialog.current?.open === false) dialog.current.showModal();
      }),
    [],
  );
  const submit = (event: Event) => {
    event.preventDefault();
    keepToken(input.current?.value.trim() ?? "");
    location.reload();
  };
  return (
    <dialog ref={dialog} aria-labelledby="token-title">
      <form onSubmit={submit}>
        <h2 id="token-title">{hasToken() ? "The gateway does not take this token" : "The gateway wants a token"}</h2>
        <label for="token">Token of an operator or of a tenant</label>
        <input id="token" ref={input} type="password" autocomplete="off" required />
        <p class="faint">It is kept until this tab is closed.</p>
        <button type="submit">Use it</button>
      </form>
    </dialog>
  );
}
