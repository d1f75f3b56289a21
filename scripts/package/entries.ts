/** The package's entries and the folders whose index they are. What a browser may import has no Node built-in in it. */
export const BROWSER_ENTRIES = {
  "./protocol": "src/protocol",
  "./client": "src/client",
  "./contracts": "src/contracts",
};
export const ENTRIES = { ".": "src", ...BROWSER_ENTRIES, "./daemon": "src/daemon" };
