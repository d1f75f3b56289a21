/** A finding of Slither, as its JSON has it; only what is needed to name it. */
export interface Finding {
  check: string;
  impact: string;
  description: string;
  elements: Element[];
}

interface Element {
  type: string;
  name: string;
  source_mapping?: { filename_relative: string; lines: number[] };
  type_specific_fields?: { parent?: Parent };
}

interface Parent {
  name: string;
  type_specific_fields?: { parent?: Parent };
}

/** How many lines of code findings name that are as they should be, and why they are. */
export type Waiver = [lines: number, reason: string];

export interface Judgement {
  explained: number;
  failures: string[];
}

/**
 * Holds findings against waivers by `detector Contract.function`. A finding without a waiver fails, and so do a waiver
 * that nothing needs, and one whose function now has more or fewer lines that are found.
 */
export function judgeFindings(findings: Finding[], waivers: Record<string, Waiver>): Judgement {
  const found = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.check} ${placeOf(finding)}`;
    found.set(key, [...(found.get(key) ?? []), finding]);
  }
  const judgement: Judgement = { explained: 0, failures: [] };
  for (const [key, group] of found) {
    const lines = linesOf(group);
    const waiver = waivers[key];
    if (waiver?.[0] === lines) {
      judgement.explained += group.length;
      continue;
    }
    const what = waiver ? `${key}: ${waiver[0]} lines are explained, ${lines} are found` : `${key} (${lines} lines)`;
    const descriptions = group.map(({ impact, description }) => `${impact}: ${description.trim()}`);
    judgement.failures.push([what, ...descriptions].join("\n").replaceAll("\n", "\n       "));
  }
  for (const key of Object.keys(waivers)) {
    if (!found.has(key)) judgement.failures.push(`nothing needs the waiver "${key}" any more`);
  }
  return judgement;
}

/** `FeeDistributor.claim`: the function, or else the variable, that a finding is about. */
function placeOf({ elements }: Finding): string {
  const element = elements.find(({ type }) => type === "function") ?? elements[0];
  if (!element) return "?";
  const names = [element.name];
  // A variable of a function: its contract is one level up.
  for (let parent = element.type_specific_fields?.parent; parent; parent = parent.type_specific_fields?.parent) {
    names.unshift(parent.name);
  }
  return names.join(".");
}

/** Lines with a statement that is found; without any statement, those of the variables. */
function linesOf(group: Finding[]): number {
  const elements = group.flatMap((finding) => finding.elements);
  const statements = elements.filter(({ type }) => type === "node");
  const places = (statements.length > 0 ? statements : elements).map(
    ({ name, source_mapping: at }) => `${at?.filename_relative}:${at?.lines[0]} ${at ? "" : name}`,
  );
  return new Set(places).size;
}
