// Bundles src/ into page.js, page.css, recipes.js and recipes.css of src/trex/report, which the repository carries so that
// users need no node.
// node build.mjs          writes them, and the licenses of what is in them
// node build.mjs --check  compares them with a fresh build, and fails if they differ
import { build } from "esbuild";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../src/trex/report");

const { outputFiles, metafile } = await build({
  absWorkingDir: here,
  entryPoints: { page: "src/main.js", recipes: "src/recipes.js" },
  outdir: target,
  bundle: true,
  write: false,
  minify: true,
  format: "iife",
  target: ["chrome123", "firefox126", "safari17.5"],
  charset: "ascii",
  legalComments: "none", // page.licenses.txt has them whole
  metafile: true,
  logLevel: "warning",
});

const packages = new Set(
  Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => {
      const found = path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/);
      if (!found && !path.startsWith("src/")) throw new Error(`${path}: outside of node_modules, its license would be lost`);
      return found && bytesInOutput ? [found[1]] : [];
    }),
  ),
);

function license(name) {
  const folder = join(here, "node_modules", name);
  const { version, license: id } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[sc]e/i.test(entry));
  return `${name} ${version} (${id})\n\n${file ? readFileSync(join(folder, file), "utf8").trim() : ""}\n`;
}

const files = new Map(outputFiles.map(({ path, text }) => [path.slice(target.length + 1), text]));
files.set("page.licenses.txt", [...packages].sort().map(license).join(`\n${"-".repeat(80)}\n\n`));

let differing = 0;
for (const [name, text] of files) {
  const path = join(target, name);
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    console.error(`${name} is not what page/ builds; run: cd page && npm ci && npm run build`);
    differing++;
  }
}
process.exitCode = differing ? 1 : 0;
