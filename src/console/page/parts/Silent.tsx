import { Alert } from "@mantine/core";

/** Whoever serves the page does not answer any more: what is shown is old. */
export function Silent({ who, problem }: { who: string; problem: string }) {
  return (
    <Alert color="red" variant="light" role="alert" title={`The ${who} does not answer`}>
      {problem}. It is asked again every few seconds; what is below, if anything, is from before.
    </Alert>
  );
}
