// Has V8 run the program as a script. As a module it would be parsed by Deno first, by a parser of its
// own that looks for imports, of which a bundle has none. By Node's way to run a script, as that alone
// looks into Deno's cache of code, where the image has all of the program compiled.
const [, error] = Deno[Deno.internal].core.evalContext(
  Deno.readTextFileSync("/app/program.js"),
  "file:///app/program.js",
);
if (error !== null) throw error.thrown;
