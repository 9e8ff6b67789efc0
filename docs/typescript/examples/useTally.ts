/** A React hook: the live tally of a tool, and a function that votes on it. */
import { useCallback, useEffect, useState } from "react";
import { subscribeTallies, votesClient, type Tally } from "../src/index.js";

export function useTally(baseUrl: string, tool: string, visitorToken?: string) {
  const [tally, setTally] = useState<Tally | null>(null);

  useEffect(() => {
    const subscription = subscribeTallies(baseUrl, [tool], { tally: setTally });
    return () => subscription.close();
  }, [baseUrl, tool]);

  const vote = useCallback(
    async (choice: "ship" | "skip") => {
      const client = votesClient(baseUrl, visitorToken ? { visitorToken } : {});
      const { error } = await client.PUT("/v1/tools/{slug}/vote", {
        params: { path: { slug: tool } },
        body: { choice },
      });
      if (error) throw new Error(error.detail);
    },
    [baseUrl, tool, visitorToken],
  );

  return { tally, vote };
}
