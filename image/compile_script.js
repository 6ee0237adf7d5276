// Runs a script, FILE, under a name, URL, as image/guest/load.js does, and has Deno keep V8's code of it
// in DENO_DIR: what V8 has compiled by then, before it runs, which is all of it with `--no-lazy`.
const [file, url] = Deno.args;
const [, error] = Deno[Deno.internal].core.evalContext(Deno.readTextFileSync(file), url);
if (error !== null) throw error.thrown;
