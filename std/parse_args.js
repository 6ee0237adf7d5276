// @ts-self-types="./parse_args.d.ts"
// parse_args.js and not mod.js: the package's cli/mod.js imports a data file that it does not ship.
export { parseArgs } from "deno-std/cli/parse_args.js";
