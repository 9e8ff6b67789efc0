/**
 * Solves the challenge of a held vote, a proof of work as ALTCHA describes it: about a second of a
 * browser. The keys are derived by the browser outside the page's thread, so nothing waits for it.
 */

interface Challenge {
  readonly parameters: {
    readonly nonce: string;
    readonly salt: string;
    readonly cost: number;
    readonly keyLength: number;
    readonly keyPrefix: string;
  };
}

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (two) => parseInt(two, 16));
const hex = (from: ArrayBuffer) =>
  Array.from(new Uint8Array(from), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function solution({ nonce, salt, cost, keyLength, keyPrefix }: Challenge["parameters"]) {
  const pbkdf2 = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: cost };
  const password = new Uint8Array([...bytes(nonce), 0, 0, 0, 0]);
  const view = new DataView(password.buffer, password.length - 4);
  for (let counter = 0; ; counter += 1) {
    view.setUint32(0, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const derivedKey = hex(await crypto.subtle.deriveBits(pbkdf2, key, 8 * keyLength));
    if (derivedKey.startsWith(keyPrefix)) return { counter, derivedKey };
  }
}

/** What `Votes-Proof` says for the challenge at this address. The headers tell who votes. */
export async function proof(url: string, headers: HeadersInit): Promise<string> {
  const answer = await fetch(url, { headers });
  const challenge = (await answer.json()) as Challenge;
  return btoa(JSON.stringify({ challenge, solution: await solution(challenge.parameters) }));
}
