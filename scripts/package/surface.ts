import { join } from "node:path";

import ts from "typescript";

import { ENTRIES } from "./entries.ts";

/**
 * What the package's entries export, as declarations without comments, one after the other: what an app can come to rely
 * on, and what a change of must be meant. Ports and types that are only reached through others are not in it.
 *
 * @param directory where the package is, compiled
 */
export function publicSurface(directory: string): string {
  const files = Object.values(ENTRIES).map((folder) => join(directory, folder, "index.d.ts"));
  const program = ts.createProgram(files, {
    ...{ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, skipLibCheck: true, types: ["node"] },
  });
  const checker = program.getTypeChecker();
  const printer = ts.createPrinter({ removeComments: true });
  const sections = Object.keys(ENTRIES).map((entry, i) => {
    const source = program.getSourceFile(files[i]!);
    const module = source && checker.getSymbolAtLocation(source);
    if (!module) throw new Error(`${files[i]} is missing: make the package first`);
    const exported = checker.getExportsOfModule(module).sort((a, b) => (a.name < b.name ? -1 : 1));
    return [`// ${entry}`, ...exported.map((symbol) => declarationOf(symbol, checker, printer))].join("\n");
  });
  return `${sections.join("\n\n")}\n`;
}

function declarationOf(symbol: ts.Symbol, checker: ts.TypeChecker, printer: ts.Printer): string {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const declarations = target.declarations ?? [];
  if (declarations.length === 0) return `${symbol.name}: unknown`;
  const texts = declarations.map((declaration) => {
    // The ABIs are the contracts', and long.
    if (symbol.name === "abis") return "declare const abis;";
    const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    return printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile());
  });
  return [...new Set(texts)].join("\n");
}
