/** The elements in a React component, and what it does after a vote. */
import { useEffect, useRef } from "react";
import type { VotesChange } from "../src/react.js";

export function ToolVote({ tool, onVote }: { tool: string; onVote: (change: VotesChange) => void }) {
  const here = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = here.current;
    element?.addEventListener("votes-change", onVote);
    return () => element?.removeEventListener("votes-change", onVote);
  }, [onVote]);

  return (
    <div ref={here}>
      <ship-verdict tool={tool} />
      <ship-vote tool={tool} name="Mistral 3 Small" api="https://votes.example.com" />
    </div>
  );
}
