// Rebuilds static/ui/vendor/ and static/ui/icons.svg from node_modules. For maintainers: `npm ci && npm run build`.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = join(HERE, "node_modules");
const UI = join(HERE, "..", "static", "ui");
const VENDOR = join(UI, "vendor");

const SCRIPTS = {
  "idiomorph-ext.min.js": "idiomorph/dist/idiomorph-ext.min.js",
  "sortable.min.js": "sortablejs/Sortable.min.js",
};
const FONTS = {
  inter: "@fontsource-variable/inter/files/inter",
  "jetbrains-mono": "@fontsource-variable/jetbrains-mono/files/jetbrains-mono",
};
const SUBSETS = ["latin", "latin-ext"];
const LICENSED = [
  "idiomorph",
  "sortablejs",
  "lucide-static",
  "@fontsource-variable/inter",
  "@fontsource-variable/jetbrains-mono",
];

const packageOf = (name) => JSON.parse(readFileSync(join(MODULES, name, "package.json"), "utf8"));

function copyScripts() {
  for (const [target, source] of Object.entries(SCRIPTS)) copyFileSync(join(MODULES, source), join(VENDOR, target));
}

function copyFonts() {
  mkdirSync(join(VENDOR, "fonts"), { recursive: true });
  for (const [name, prefix] of Object.entries(FONTS)) {
    for (const subset of SUBSETS) {
      copyFileSync(join(MODULES, `${prefix}-${subset}-wght-normal.woff2`), join(VENDOR, "fonts", `${name}-${subset}.woff2`));
    }
  }
}

/** Bundles the editor; returns the names of the packages that ended up inside. */
async function bundleEditor() {
  const result = await build({
    entryPoints: [join(HERE, "src", "editor.js")],
    outfile: join(VENDOR, "editor.js"),
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "OctoEditor",
    target: "es2021",
    legalComments: "none",
    metafile: true,
  });
  const names = Object.keys(result.metafile.inputs).flatMap((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []);
  return [...new Set(names)];
}

function symbolOf(name) {
  const svg = readFileSync(join(MODULES, "lucide-static", "icons", `${name}.svg`), "utf8");
  const body = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
  const shapes = body.replace(/\s+/g, " ").replace(/> </g, "><").trim();
  // The stroke width is left out: `.i` sets it by size and the symbol inherits it.
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
}

function buildSprite() {
  const names = JSON.parse(readFileSync(join(HERE, "icons.json"), "utf8")).sort();
  const symbols = names.map(symbolOf).join("\n");
  const { version } = packageOf("lucide-static");
  writeFileSync(
    join(UI, "icons.svg"),
    `<!-- lucide-static ${version}, ISC: see vendor/LICENSES.txt -->\n<svg xmlns="http://www.w3.org/2000/svg">\n${symbols}\n</svg>\n`,
  );
  return names.length;
}

function licenceOf(name) {
  const folder = join(MODULES, name);
  const { version, license } = packageOf(name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} has no licence file`);
  return `${name} ${version} (${license})\n${"=".repeat(78)}\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}

rmSync(VENDOR, { recursive: true, force: true });
mkdirSync(VENDOR, { recursive: true });
copyScripts();
copyFonts();
const bundled = await bundleEditor();
const icons = buildSprite();
writeFileSync(join(VENDOR, "LICENSES.txt"), [...new Set([...LICENSED, ...bundled])].sort().map(licenceOf).join("\n\n"));
console.log(`Built ${icons} icons and an editor of ${bundled.length} packages.`);
