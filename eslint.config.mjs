import tseslint from "typescript-eslint";

/** The arrows of the house: what each room of src/ must not import. */
const ROOMS = {
  protocol: {
    rooms: ["platform", "contracts", "client", "daemon", "node", "commands", "deployment", "cli"],
    pure: true,
  },
  platform: { rooms: ["contracts", "client", "daemon", "node", "commands", "deployment", "cli"] },
  contracts: { rooms: ["client", "daemon", "node", "commands", "deployment", "cli"] },
  client: { rooms: ["daemon", "node", "commands", "deployment", "cli"] },
  daemon: { rooms: ["client", "node", "commands", "deployment", "cli"] },
  node: { rooms: ["client", "daemon", "commands", "deployment", "cli"] },
  // The page pays with what any app pays with; whoever serves it imports its types.
  console: { rooms: ["platform", "daemon", "node", "commands", "deployment", "cli"] },
  commands: { rooms: ["client", "daemon", "node", "deployment", "cli"] },
  deployment: { rooms: ["client", "daemon", "node", "commands", "cli"] },
};

const arrows = Object.entries(ROOMS).map(([room, { rooms, pure }]) => ({
  files: [`src/${room}/**/*.ts`, `src/${room}/**/*.tsx`],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          { regex: `(^|/)\\.\\./(${rooms.join("|")})/`, message: `src/${room} may not import this room` },
          { regex: "(^|/)(scripts|tasks|test|deployments)/", message: "src imports nothing from outside src" },
          ...(pure
            ? [
                { regex: "^node:", message: "src/protocol is pure: no Node built-ins" },
                { regex: "^(ethers|hardhat)", message: "src/protocol is pure: no provider" },
              ]
            : []),
        ],
      },
    ],
    ...(pure
      ? {
          "no-restricted-globals": ["error", "Buffer", "process", "setTimeout", "setInterval", "fetch"],
          "no-restricted-properties": [
            "error",
            { object: "Math", property: "random", message: "randomness is passed in" },
            { object: "Date", property: "now", message: "the clock is passed in" },
          ],
        }
      : {}),
  },
}));

export default tseslint.config(
  { ignores: ["tmp", "dist", "node_modules", "artifacts", "cache", "generated", "coverage"] },
  {
    files: ["**/*.ts", "**/*.tsx"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    // Chai's assertions are expressions, and ethers types contract calls loosely.
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-unused-expressions": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  ...arrows,
);
