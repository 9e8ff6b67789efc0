/** The elements in JSX: `import "votes-client/src/react.js"` once, and `<ship-vote tool="…" />` is typed. */
import type { DetailedHTMLProps, HTMLAttributes } from "react";
import type { components } from "./api.js";

type Shapes = components["schemas"];

/** Of every element. `api` is the API's origin, by default the script's own; `token` is a user's. */
interface Shared {
  api?: string;
  token?: string;
}

/** Of an element of one tool: its slug, and its name for screen readers. */
interface OfTool extends Shared {
  tool: string;
  name?: string;
}

/** `href` is the address of a bookmark's link, with `{tool}`; `limit` is how many are listed, at most 100. */
interface OfBookmarks extends Shared {
  href?: string;
  limit?: number;
}

type Props<More> = DetailedHTMLProps<HTMLAttributes<HTMLElement>, HTMLElement> & More;

/** What follows an action of the user; it bubbles. */
export type VotesChange = CustomEvent<Shapes["VoteView"] | { tool: string; bookmarked: boolean }>;

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "ship-vote": Props<OfTool>;
      "ship-verdict": Props<OfTool>;
      "ship-bookmark": Props<OfTool>;
      "ship-bookmarks": Props<OfBookmarks>;
    }
  }
}

declare global {
  interface HTMLElementEventMap {
    "votes-change": VotesChange;
  }
}
