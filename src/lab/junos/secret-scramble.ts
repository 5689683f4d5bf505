/**
 * The `$9$` form in which Junos shows keys it must be able to use (Crypt::Juniper describes it). It hides a key from a
 * glance, no more. The salt, which Junos draws by chance, follows from the key here, so that equal keys look equal.
 */
const MAGIC = "$9$";
const FAMILIES = ["QzF3n6/9CAtpu0O", "B1IREhcSyrleKvMW8LXx", "7N-dVbwsY2g4oaJZGUDj", "iHkq.mPf5T"];
const ALPHABET = FAMILIES.join("");
/** How many characters of filling follow a salt. */
const FILLING = new Map(FAMILIES.flatMap((family, index) => [...family].map((c) => [c, 3 - index] as const)));
/** Weights of the gaps that encode one byte, by position. */
const WEIGHTS = [
  [1, 4, 32],
  [1, 16, 32],
  [1, 8, 32],
  [1, 64],
  [1, 32],
  [1, 4, 16, 128],
  [1, 32, 64],
];

const weightsAt = (position: number): readonly number[] => WEIGHTS[position % WEIGHTS.length] ?? [];
const letter = (index: number): string => ALPHABET.charAt(index % ALPHABET.length);

/** FNV-1a over the key's bytes. */
function digest(bytes: Uint8Array, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** Scrambles a key; what is scrambled already, or hashed (`$1$`, `$6$`), stays as it is. */
export function scramble(plain: string): string {
  if (/^\$[1569]\$/.test(plain)) return plain;
  const bytes = Buffer.from(plain, "utf8");
  const salt = letter(digest(bytes, 0));
  let text = salt;
  for (let index = 0; index < (FILLING.get(salt) ?? 0); index++) text += letter(digest(bytes, index + 1));
  let previous = salt;
  bytes.forEach((byte, position) => {
    const weights = weightsAt(position);
    let rest = byte;
    const gaps: number[] = [];
    for (const weight of weights.toReversed()) {
      gaps.unshift(Math.floor(rest / weight));
      rest %= weight;
    }
    for (const gap of gaps) {
      previous = letter(gap + ALPHABET.indexOf(previous) + 1);
      text += previous;
    }
  });
  return MAGIC + text;
}

/** The key behind a `$9$` text; any other text, and one that is damaged, stays as it is. */
export function unscramble(text: string): string {
  if (!text.startsWith(MAGIC)) return text;
  const salt = text.charAt(MAGIC.length);
  const filling = FILLING.get(salt);
  if (filling === undefined) return text;
  let previous = salt;
  let at = MAGIC.length + 1 + filling;
  const bytes: number[] = [];
  while (at < text.length) {
    const weights = weightsAt(bytes.length);
    let sum = 0;
    for (const weight of weights) {
      const next = text.charAt(at++);
      const index = ALPHABET.indexOf(next);
      if (next === "" || index < 0) return text;
      const gap = ((index - ALPHABET.indexOf(previous) + ALPHABET.length) % ALPHABET.length) - 1;
      sum += gap * weight;
      previous = next;
    }
    bytes.push(((sum % 256) + 256) % 256);
  }
  return Buffer.from(bytes).toString("utf8");
}
