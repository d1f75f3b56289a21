// solc that stays loaded: half of what it takes to compile a mutant is loading and warming the compiler.
// `serve` is started once per worker, with the socket to listen at; forge starts `ask` in place of solc.
const { createServer, connect } = require("node:net");
const { readFileSync } = require("node:fs");

/** Without what tests do not need to run: forge reads all of it again for every mutant. */
function lean(request) {
  const input = JSON.parse(request);
  for (const file of Object.values(input.settings.outputSelection)) {
    for (const [name, wanted] of Object.entries(file)) {
      file[name] = wanted.filter((output) => !/sourceMap|metadata/.test(output));
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
      const request = Buffer.concat(parts).toString();
      connection.end(request === "--version" ? version : solc.compile(lean(request)));
    });
  });
  server.listen(socket, () => process.send("ready"));
  // It ends with the campaign, however that ends.
  process.on("disconnect", () => process.exit());
}

exports.ask = (socket) => {
  const connection = connect(socket);
  connection.pipe(process.stdout);
  connection.end(process.argv.includes("--version") ? "--version" : readFileSync(0));
};

if (require.main === module) serve(process.argv[2]);
