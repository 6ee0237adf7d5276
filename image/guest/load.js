// Has V8 run the program as a script. As a module it would be parsed by Deno first, by a parser of its
// own that looks for imports, of which a bundle has none: 0.3 s more in a machine that QEMU emulates.
(0, eval)(Deno.readTextFileSync("/app/program.js"));
