// solc that stays loaded: half of what it takes to compile a mutant is loading and warming the compiler.
// `serve` is started once per worker, with the socket to listen at; forge starts `ask` in place of solc.
const { createServer, connect } = require("node:net");
const { readFileSync } = require("node:fs");
const { compilable } = require("../forge/solc.cjs");

/** Without what the tests do not need to run; `only` some files when a pass looks at no others. */
function lean(request, only) {
  const input = compilable(JSON.parse(request));
  for (const [path, file] of Object.entries(input.settings.outputSelection)) {
    for (const [name, wanted] of Object.entries(file)) {
      file[name] = only && !only.includes(path) ? [] : wanted.filter((output) => !/sourceMap|metadata/.test(output));
    }
  }
  return JSON.stringify(input);
}

function serve(socket) {
  const solc = require("solc");
  const version = `solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`;
  const server = createServer({ allowHalfOpen: true }, (connection) => {
    const parts = [];
    connection.on("data", (part) => parts.push(part));
    connection.on("end", () => {
      const { request, only } = JSON.parse(Buffer.concat(parts).toString());
      connection.end(request === "--version" ? version : solc.compile(lean(request, only)));
    });
  });
  server.listen(socket, () => process.send("ready"));
  // It ends with the campaign, however that ends.
  process.on("disconnect", () => process.exit());
}

exports.ask = (socket) => {
  const connection = connect(socket);
  connection.pipe(process.stdout);
  const request = process.argv.includes("--version") ? "--version" : readFileSync(0, "utf8");
  connection.end(JSON.stringify({ request, only: process.env.SOLC_ONLY?.split(",") }));
};

if (require.main === module) serve(process.argv[2]);
